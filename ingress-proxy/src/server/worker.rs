//! One thread, one runtime, one proxy, its own listeners. The only file that knows threads.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower::Layer;

use super::balance::{Doorway, Handed, Inbox, Workers};
use super::datagram::Sessions;
use super::http::HttpService;
use super::listener::accepted_already;
use super::opening::{Opening, Scheme};
use super::ports::{Context, Follower, Ports};
use super::state::{Open, WorkerState};
use crate::config::Config;
use crate::observe::Observer;
use crate::proxy::Proxy;
use crate::snapshot::Subscriber;

/// How long a listener rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// What a worker is given.
pub(super) struct Worker<L> {
    pub(super) subscriber: Subscriber,
    pub(super) config: Arc<Config>,
    pub(super) observer: Option<Box<dyn Observer>>,
    pub(super) listeners: Vec<(Scheme, TcpListener)>,
    pub(super) layer: L,
    /// How many connections it may hold.
    pub(super) limit: usize,
    pub(super) state: Arc<WorkerState>,
    /// All workers, this one among them.
    pub(super) all: Workers,
    /// What the others hand over.
    pub(super) inbox: Inbox,
    pub(super) dynamic: Dynamic,
}

/// The listeners of a worker that come and go with snapshots.
pub(super) struct Dynamic {
    /// The number of the worker.
    pub(super) worker: usize,
    pub(super) ports: Arc<Ports>,
    /// Where streams are served.
    pub(super) addresses: Arc<[IpAddr]>,
    /// Where TLS is spoken.
    pub(super) tls_addresses: Arc<[SocketAddr]>,
}

/// Starts a worker on a thread of its own; the receiver gets the number of connections that it cut when it ended.
///
/// # Errors
/// If the system gives no thread or no event queue.
pub(super) fn spawn<L>(name: String, worker: Worker<L>) -> io::Result<oneshot::Receiver<usize>>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name(name).spawn(move || {
        let state = worker.state.clone();
        let cut = runtime.block_on(worker.run());
        // Drops every task that is left, and with it its socket.
        drop(runtime);
        tracing::debug!(cut, open = state.connections(), "worker ended");
        // Nobody listens if the server was dropped instead of drained.
        let _ = ended.send(cut);
    })?;
    Ok(end)
}

impl<L> Worker<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Serves until told to stop; returns how many connections were open then.
    async fn run(self) -> usize {
        let mut proxy = Proxy::new(self.subscriber.clone(), (*self.config).clone());
        if let Some(observer) = self.observer {
            proxy = proxy.with_observer(observer);
        }
        let acceptor = Arc::new(Acceptor {
            proxy,
            subscriber: self.subscriber,
            layer: self.layer,
            config: self.config,
            limit: self.limit,
            state: self.state.clone(),
            all: self.all,
        });
        let follower = Follower {
            worker: self.dynamic.worker,
            ports: self.dynamic.ports,
            addresses: self.dynamic.addresses,
            tls_addresses: self.dynamic.tls_addresses,
            context: Context {
                proxy: acceptor.proxy.clone(),
                state: self.state.clone(),
                limit: self.limit,
                sessions: Arc::new(Sessions::new(self.limit)),
            },
            acceptor: acceptor.clone(),
        };
        tokio::spawn(self.state.drain.clone().run_until_cancelled_owned(follower.run()));
        for (scheme, listener) in self.listeners {
            tokio::spawn(acceptor.clone().accept_from(listener, scheme));
        }
        let state = self.state;
        let emptied = async {
            acceptor.receive(self.inbox).await;
            state.emptied().await;
        };
        tokio::select! {
            () = emptied => {}
            () = state.stop.cancelled() => {}
        }
        state.connections()
    }
}

/// What the connections of a worker have in common.
pub(super) struct Acceptor<L> {
    pub(super) proxy: Proxy,
    pub(super) subscriber: Subscriber,
    pub(super) layer: L,
    pub(super) config: Arc<Config>,
    pub(super) limit: usize,
    pub(super) state: Arc<WorkerState>,
    pub(super) all: Workers,
}

impl<L> Acceptor<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    async fn accept_from(self: Arc<Self>, listener: TcpListener, scheme: Scheme) {
        let watched =
            listener.local_addr().and_then(|at| Ok((at, tokio::net::TcpListener::from_std(listener)?)));
        let (local, listener) = match watched {
            Ok(watched) => watched,
            Err(error) => {
                tracing::error!(%error, "a listener could not be watched");
                return;
            }
        };
        loop {
            let accepted = tokio::select! { biased;
                accepted = listener.accept() => accepted,
                () = self.state.drain.cancelled() => {
                    return accepted_already(listener).for_each(|(stream, peer)| self.take(stream, peer, local, scheme));
                }
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer, local, scheme),
                // The client gave up in the queue.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Takes what others hand over, until a drain begins.
    async fn receive(self: &Arc<Self>, mut inbox: Inbox) {
        loop {
            tokio::select! { biased;
                () = self.state.drain.cancelled() => break,
                Some(handed) = inbox.recv() => self.take_over(handed),
            }
        }
        // From here on they keep what they have. What was on its way is still served: it counts as open here, so it is waited for.
        inbox.close();
        while let Some(handed) = inbox.recv().await {
            self.take_over(handed);
        }
    }

    fn take_over(self: &Arc<Self>, handed: Handed) {
        let Handed { io, open, peer, local, scheme } = handed;
        match TcpStream::from_std(io) {
            Ok(io) => self.serve(io, open, (peer, local), scheme),
            Err(error) => tracing::error!(%error, "a connection could not be watched"),
        }
    }

    fn take(self: &Arc<Self>, io: TcpStream, peer: SocketAddr, local: SocketAddr, scheme: Scheme) {
        let relief = self.all.relief(&self.state).filter(|_| !self.state.is_draining());
        let server = relief.map_or(&self.state, Doorway::state);
        let Some(open) = server.admit(self.limit) else {
            tokio::spawn(refuse(io));
            return;
        };
        let Some(relief) = relief else { return self.serve(io, open, (peer, local), scheme) };
        let Ok(io) = io.into_std() else { return };
        if let Err(mut refused) = relief.hand(Handed { io, open, peer, local, scheme }) {
            refused.open = refused.open.move_to(&self.state);
            self.take_over(refused);
        }
    }

    fn serve(
        self: &Arc<Self>,
        io: TcpStream,
        open: Open,
        (peer, local): (SocketAddr, SocketAddr),
        scheme: Scheme,
    ) {
        let settings = self.proxy.settings();
        Opening { acceptor: self.clone(), open, settings, peer, local }.spawn(io, scheme);
    }
}

/// Says politely that there is no room.
async fn refuse(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(ANSWER)).await;
}
