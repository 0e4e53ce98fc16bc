//! A worker's side: its listeners follow the snapshot.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ingress_core::Snapshot;
use ingress_core::stream::{Stream, StreamProtocol};
use socket2::Socket;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

use super::registry::{Key, Port, Ports, Purpose, RETRY};
use crate::proxy::Proxy;
use crate::server::datagram::{self, Sessions};
use crate::server::state::WorkerState;
use crate::server::stream;
use crate::snapshot::Subscriber;

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
#[derive(Debug)]
pub(in crate::server) struct Follower {
    /// The number of the worker.
    pub(in crate::server) worker: usize,
    pub(in crate::server) ports: Arc<Ports>,
    /// Where streams are served.
    pub(in crate::server) addresses: Arc<[IpAddr]>,
    pub(in crate::server) subscriber: Subscriber,
    pub(in crate::server) context: Context,
}

/// A listener that is open. It closes when this is dropped.
#[derive(Debug)]
struct Listening {
    stream: watch::Sender<Stream>,
}

impl Follower {
    /// Opens and closes listeners as snapshots come. All are closed when the future is dropped.
    pub(in crate::server) async fn run(self) {
        let mut bound = self.ports.bound();
        let mut open = BTreeMap::new();
        loop {
            let seen = self.subscriber.version();
            bound.mark_unchanged();
            let missing = self.follow(&mut open, self.wanted(&self.subscriber.current()));
            tokio::select! {
                _ = self.subscriber.changed(seen) => {}
                _ = bound.changed(), if missing => {}
                () = tokio::time::sleep(RETRY), if missing => {}
            }
        }
    }

    fn wanted(&self, snapshot: &Snapshot) -> BTreeMap<Key, Stream> {
        let ports = snapshot.streams.iter().flat_map(|stream| {
            let purpose = Purpose::Stream(stream.protocol);
            let address = |ip: &IpAddr| SocketAddr::new(*ip, stream.port);
            self.addresses.iter().map(move |ip| (Key { purpose, address: address(ip) }, stream.clone()))
        });
        ports.collect()
    }

    /// Brings the listeners in line with what is wanted; true if one is missing.
    fn follow(&self, open: &mut BTreeMap<Key, Listening>, wanted: BTreeMap<Key, Stream>) -> bool {
        open.retain(|key, _| wanted.contains_key(key));
        self.ports.keep(|key| wanted.contains_key(key));
        let mut missing = false;
        for (key, stream) in wanted {
            if let Some(listening) = open.get(&key) {
                listening.stream.send_if_modified(|held| std::mem::replace(held, stream.clone()) != stream);
                continue;
            }
            match self
                .ports
                .open(key, self.worker)
                .and_then(|(port, socket)| self.listen(port, socket, stream))
            {
                Some(listening) => drop(open.insert(key, listening)),
                None => missing = true,
            }
        }
        missing
    }

    fn listen(&self, port: Arc<Port>, socket: Socket, stream: Stream) -> Option<Listening> {
        let protocol = stream.protocol;
        let (sender, stream) = watch::channel(stream);
        let context = self.context.clone();
        let listening = match protocol {
            StreamProtocol::Tcp => TcpListener::from_std(socket.into())
                .map(|listener| drop(tokio::spawn(stream::listen(listener, stream, context, port)))),
            StreamProtocol::Udp => UdpSocket::from_std(socket.into())
                .map(|listener| drop(tokio::spawn(datagram::listen(listener, stream, context, port)))),
        };
        match listening {
            Ok(()) => Some(Listening { stream: sender }),
            Err(error) => {
                tracing::error!(%error, "a listener could not be watched");
                None
            }
        }
    }
}
