//! From a listener to sessions.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use ingress_core::stream::{Stream, StreamProtocol};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::session::{LONGEST, Session, connected, is_refusal};
use super::table::Id;
use crate::server::ports::{Context, Port};
use crate::server::stream::{Record, Until};

/// How long a listener rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// One worker's socket on a port.
struct Listener {
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    stream: watch::Receiver<Stream>,
    context: Context,
    held: Arc<Port>,
}

/// Takes datagrams until the sender of `stream` is gone; then the sessions end too. A new session goes where the stream leads when it
/// begins.
pub(in crate::server) async fn listen(
    socket: UdpSocket,
    mut stream: watch::Receiver<Stream>,
    context: Context,
    held: Arc<Port>,
) {
    let Ok(local) = socket.local_addr() else { return };
    let listener = Listener { socket: Arc::new(socket), local, stream: stream.clone(), context, held };
    loop {
        let new = tokio::select! { biased;
            changed = stream.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            new = poll_fn(|cx| listener.poll_new(cx)) => new,
        };
        let opened = match new {
            Ok((client, datagram)) => Box::pin(listener.begin(client, &datagram)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = opened {
            tracing::error!(%local, %error, "a datagram could not be taken");
            tokio::time::sleep(REST).await;
        }
    }
}

impl Listener {
    /// Passes datagrams on to their sessions; ready with one that has no session, or none whose endpoint is there.
    fn poll_new(&self, cx: &mut Task<'_>) -> Poll<io::Result<(SocketAddr, Vec<u8>)>> {
        loop {
            let mut space = [const { MaybeUninit::uninit() }; LONGEST];
            let mut datagram = ReadBuf::uninit(&mut space);
            let client = ready!(self.socket.poll_recv_from(cx, &mut datagram))?;
            let session = self.context.sessions.get(&(self.local, client));
            if session.is_none_or(|session| session.send(datagram.filled()).is_err()) {
                return Poll::Ready(Ok((client, datagram.filled().to_vec())));
            }
        }
    }

    /// Begins a session with a datagram, with an endpoint that does not refuse at once.
    ///
    /// # Errors
    /// If the system gives no socket.
    async fn begin(&self, client: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let Context { proxy, sessions, .. } = &self.context;
        let id = (self.local, client);
        let (upstream, group) = proxy.stream(&self.stream.borrow());
        let (mut refused, record) = sessions.get(&id).map(|held| held.hand_over()).unwrap_or_default();
        let mut record = record.unwrap_or_else(|| {
            Record::new(proxy.clone(), StreamProtocol::Udp, client, self.local, upstream.clone())
        });
        let settings = proxy.settings();
        let until = Until::new(&settings.streams);
        let Some(group) = group else { return Ok(()) };
        if !refused.is_empty() && !until.allows_another(refused.len(), group.len()) {
            // All had their turn; they may be there again.
            refused.clear();
        }
        while let Some(endpoint) = group.pick(&refused).await {
            match connected(endpoint.address) {
                Ok(socket) => {
                    record.connected(endpoint.address);
                    let session = Arc::new(Session::new(socket, client, &endpoint, &refused, record));
                    if session.send(datagram).is_ok() {
                        self.run(id, session);
                        return Ok(());
                    }
                    let (_, Some(again)) = session.hand_over() else { return Ok(()) };
                    record = again;
                }
                Err(error) if is_refusal(&error) => record.endpoint = Some(endpoint.address),
                Err(error) => return Err(error),
            }
            refused.push(endpoint);
            if !until.allows_another(refused.len(), group.len()) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Leaves a session to a task of its own.
    fn run(&self, id: Id, session: Arc<Session>) {
        let sessions = self.context.sessions.clone();
        sessions.insert(id, &session);
        let settings = self.context.proxy.settings();
        let (socket, mut stream, held) = (self.socket.clone(), self.stream.clone(), self.held.clone());
        tokio::spawn(async move {
            let closed = async { while stream.changed().await.is_ok() {} };
            tokio::select! {
                () = session.run(&socket, &settings.streams) => {}
                () = closed => {}
            }
            sessions.remove(&id, &session);
            drop((socket, held));
        });
    }
}
