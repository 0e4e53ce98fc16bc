//! A worker's side: its listeners follow the snapshot.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ingress_core::stream::{Stream, StreamProtocol};
use socket2::Socket;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::Layer;

use super::registry::{Key, Port, Ports, Purpose, RETRY};
use crate::proxy::Proxy;
use crate::server::datagram::{self, Sessions};
use crate::server::http::HttpService;
use crate::server::state::WorkerState;
use crate::server::worker::Acceptor;
use crate::server::{http3, stream};
use crate::snapshot::Published;

/// What the listeners of one worker have in common.
#[derive(Debug, Clone)]
pub(in crate::server) struct Context {
    pub(in crate::server) proxy: Proxy,
    pub(in crate::server) state: Arc<WorkerState>,
    /// How many connections the worker may hold.
    pub(in crate::server) limit: usize,
    pub(in crate::server) sessions: Arc<Sessions>,
}

/// What a worker listens on as the snapshot has it.
pub(in crate::server) struct Follower<L> {
    /// The number of the worker.
    pub(in crate::server) worker: usize,
    pub(in crate::server) ports: Arc<Ports>,
    /// Where streams are served.
    pub(in crate::server) addresses: Arc<[IpAddr]>,
    /// Where TLS is spoken, and HTTP/3 if the snapshot has it.
    pub(in crate::server) tls_addresses: Arc<[SocketAddr]>,
    pub(in crate::server) context: Context,
    pub(in crate::server) acceptor: Arc<Acceptor<L>>,
}

/// A listener that is open. It closes when this is dropped.
enum Listening {
    Stream(watch::Sender<Stream>),
    Http3 { _close: DropGuard },
}

impl<L> Follower<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Opens and closes listeners as snapshots come. All are closed when the future is dropped.
    pub(in crate::server) async fn run(self) {
        let mut bound = self.ports.bound();
        let mut open = BTreeMap::new();
        loop {
            let subscriber = &self.acceptor.subscriber;
            let seen = subscriber.version();
            // Sessions see by it whether their endpoint is still there, also while no request comes.
            drop(self.context.proxy.settings());
            bound.mark_unchanged();
            let missing = self.follow(&mut open, self.wanted(&subscriber.published()));
            tokio::select! {
                _ = subscriber.changed(seen) => {}
                _ = bound.changed(), if missing => {}
                () = tokio::time::sleep(RETRY), if missing => {}
            }
        }
    }

    /// What is to be listened on, and where streams lead.
    fn wanted(&self, published: &Published) -> BTreeMap<Key, Option<Stream>> {
        let snapshot = &published.snapshot;
        let streams = snapshot.streams.iter().flat_map(|stream| {
            let purpose = Purpose::Stream(stream.protocol);
            let address = |ip: &IpAddr| SocketAddr::new(*ip, stream.port);
            self.addresses.iter().map(move |ip| (Key { purpose, address: address(ip) }, Some(stream.clone())))
        });
        let speaks_http3 = snapshot.settings.http3 && published.quic().is_some();
        let http3 = self.tls_addresses.iter().filter(|_| speaks_http3);
        let http3 = http3.map(|address| (Key { purpose: Purpose::Http3, address: *address }, None));
        streams.chain(http3).collect()
    }

    /// Brings the listeners in line with what is wanted; true if one is missing.
    fn follow(&self, open: &mut BTreeMap<Key, Listening>, wanted: BTreeMap<Key, Option<Stream>>) -> bool {
        open.retain(|key, _| wanted.contains_key(key));
        self.ports.keep(|key| wanted.contains_key(key));
        let mut missing = false;
        for (key, stream) in wanted {
            match (open.get(&key), stream) {
                (Some(Listening::Stream(held)), Some(stream)) => {
                    held.send_if_modified(|held| std::mem::replace(held, stream.clone()) != stream);
                }
                (Some(_), _) => {}
                (None, stream) => {
                    let bound = self.ports.open(key, self.worker);
                    match bound.and_then(|(port, socket)| self.listen(port, socket, stream)) {
                        Some(listening) => drop(open.insert(key, listening)),
                        None => missing = true,
                    }
                }
            }
        }
        missing
    }

    fn listen(&self, port: Arc<Port>, socket: Socket, stream: Option<Stream>) -> Option<Listening> {
        let listening = match stream {
            Some(stream) => self.listen_stream(port, socket, stream),
            None => self.listen_http3(port, socket),
        };
        listening.inspect_err(|error| tracing::error!(%error, "a listener could not be watched")).ok()
    }

    fn listen_stream(&self, port: Arc<Port>, socket: Socket, stream: Stream) -> io::Result<Listening> {
        let protocol = stream.protocol;
        let (sender, stream) = watch::channel(stream);
        let context = self.context.clone();
        match protocol {
            StreamProtocol::Tcp => {
                let listener = TcpListener::from_std(socket.into())?;
                tokio::spawn(stream::listen(listener, stream, context, port));
            }
            StreamProtocol::Udp => {
                let listener = UdpSocket::from_std(socket.into())?;
                tokio::spawn(datagram::listen(listener, stream, context, port));
            }
        }
        Ok(Listening::Stream(sender))
    }

    fn listen_http3(&self, port: Arc<Port>, socket: Socket) -> io::Result<Listening> {
        let closing = CancellationToken::new();
        let listener = http3::Listener::new(socket.into(), self.acceptor.clone(), closing.clone())?;
        tokio::spawn(async move {
            listener.run().await;
            // The task that has the socket has been woken now, and lets go of it.
            tokio::task::yield_now().await;
            drop(port);
        });
        Ok(Listening::Http3 { _close: closing.drop_guard() })
    }
}
