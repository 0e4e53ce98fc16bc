//! What is bound, for all workers together.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ingress_core::stream::StreamProtocol;
use socket2::Socket;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::server::listener::{bind_all, bind_one};

/// How long a port that could not be bound is left alone.
pub(super) const RETRY: Duration = Duration::from_secs(2);

/// An address that is to be listened on, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) purpose: Purpose,
    pub(super) address: SocketAddr,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Stream(StreamProtocol),
    Http3,
}

impl Purpose {
    fn protocol(self) -> StreamProtocol {
        match self {
            Self::Stream(protocol) => protocol,
            Self::Http3 => StreamProtocol::Udp,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stream(StreamProtocol::Tcp) => "TCP",
            Self::Stream(StreamProtocol::Udp) => "UDP",
            Self::Http3 => "UDP (for HTTP/3)",
        }
    }
}

/// A port that the snapshot wants, on one address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamPort {
    /// TCP or UDP.
    pub protocol: StreamProtocol,
    /// The address.
    pub address: SocketAddr,
    /// Why it cannot be listened on, for as long as that is so; it is tried again every two seconds.
    pub refused: Option<String>,
}

/// The ports that come and go. The first worker that wants one binds it for all of them, each takes its own socket.
#[derive(Debug)]
pub(in crate::server) struct Ports {
    workers: usize,
    entries: Mutex<BTreeMap<Key, Entry>>,
    /// Moves when a port has been bound.
    bound: watch::Sender<()>,
}

#[derive(Debug)]
enum Entry {
    /// Open for as long as somebody holds it.
    Open(Weak<Port>),
    /// It could not be bound, and is not to be tried before this.
    Refused { reason: String, again: Instant },
}

/// A bound port. Whoever listens on a socket of it holds it for as long as the socket is open.
#[derive(Debug)]
pub(in crate::server) struct Port {
    protocol: StreamProtocol,
    address: SocketAddr,
    /// By the number of the worker; none once it was taken.
    sockets: Mutex<Vec<Option<Socket>>>,
}

impl Ports {
    pub(in crate::server) fn new(workers: usize) -> Self {
        Self { workers, entries: Mutex::default(), bound: watch::Sender::new(()) }
    }

    /// Sees when a port has been bound.
    pub(super) fn bound(&self) -> watch::Receiver<()> {
        self.bound.subscribe()
    }

    /// The socket of a worker on a port; `None` if the port cannot be bound now, which has been logged.
    pub(super) fn open(&self, key: Key, worker: usize) -> Option<(Arc<Port>, Socket)> {
        let mut entries = self.lock();
        let known = match entries.get(&key) {
            Some(Entry::Refused { again, .. }) if Instant::now() < *again => return None,
            Some(Entry::Refused { reason, .. }) => Some(reason.clone()),
            Some(Entry::Open(port)) => match port.upgrade() {
                Some(port) => return take(port, worker),
                None => None,
            },
            None => None,
        };
        let protocol = key.purpose.protocol();
        match bind_all(protocol, key.address, self.workers) {
            Ok((address, sockets)) => {
                let sockets = Mutex::new(sockets.into_iter().map(Some).collect());
                let port = Arc::new(Port { protocol, address, sockets });
                tracing::info!(%address, protocol = key.purpose.name(), "a port is open");
                entries.insert(key, Entry::Open(Arc::downgrade(&port)));
                drop(entries);
                self.bound.send_replace(());
                take(port, worker)
            }
            Err(error) => {
                let reason = error.to_string();
                if known.as_ref() != Some(&reason) {
                    log_refused(key, &error);
                }
                entries.insert(key, Entry::Refused { reason, again: Instant::now() + RETRY });
                None
            }
        }
    }

    /// Forgets what is neither wanted nor open any more.
    pub(super) fn keep(&self, is_wanted: impl Fn(&Key) -> bool) {
        self.lock().retain(|key, entry| match entry {
            Entry::Open(port) => port.strong_count() > 0,
            Entry::Refused { .. } => is_wanted(key),
        });
    }

    /// The ports of streams, in order.
    pub(in crate::server) fn streams(&self) -> Vec<StreamPort> {
        let entries = self.lock();
        let ports = entries.iter().filter_map(|(key, entry)| {
            let Purpose::Stream(protocol) = key.purpose else { return None };
            Some(match entry {
                Entry::Open(port) => StreamPort { protocol, address: port.upgrade()?.address, refused: None },
                Entry::Refused { reason, .. } => {
                    StreamPort { protocol, address: key.address, refused: Some(reason.clone()) }
                }
            })
        });
        ports.collect()
    }

    /// The addresses on which HTTP/3 is spoken, in order.
    pub(in crate::server) fn http3(&self) -> Vec<SocketAddr> {
        let entries = self.lock();
        let ports = entries.iter().filter_map(|(key, entry)| match (key.purpose, entry) {
            (Purpose::Http3, Entry::Open(port)) => Some(port.upgrade()?.address),
            _ => None,
        });
        ports.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_refused(key: Key, error: &io::Error) {
    let (address, protocol) = (key.address, key.purpose.name());
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => "give the service another port, or stop whoever has it",
        io::ErrorKind::PermissionDenied => {
            "give the service a port above 1023, or us the capability NET_BIND_SERVICE"
        }
        _ => "give the service another port, or listen on another address",
    };
    tracing::error!(%address, protocol, %error, way_out, "a port cannot be listened on; it is tried again every 2 s");
}

fn take(port: Arc<Port>, worker: usize) -> Option<(Arc<Port>, Socket)> {
    let mut sockets = port.sockets.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = sockets.get_mut(worker).and_then(Option::take);
    drop(sockets);
    // A worker that closed its socket, and wants the port again before the others have closed theirs, gets a new one: the port is ours.
    let socket = waiting.map_or_else(|| bind_one(port.protocol, port.address), Ok);
    match socket {
        Ok(socket) => Some((port, socket)),
        Err(error) => {
            tracing::error!(address = %port.address, %error, "a worker cannot listen on a port that others listen on");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(protocol: StreamProtocol, address: SocketAddr) -> Key {
        Key { purpose: Purpose::Stream(protocol), address }
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_is_bound_once_for_all_and_gone_with_the_last() {
        for protocol in [StreamProtocol::Tcp, StreamProtocol::Udp] {
            let ports = Ports::new(2);
            let any = key(protocol, ([127, 0, 0, 1], 0).into());
            let (first, _) = ports.open(any, 0).unwrap();
            let (second, socket) = ports.open(any, 1).unwrap();
            assert!(Arc::ptr_eq(&first, &second));
            let address = socket.local_addr().unwrap().as_socket().unwrap();
            assert_eq!(ports.streams(), [StreamPort { protocol, address, refused: None }]);
            // A worker may come back while the others hold it.
            drop((first, socket));
            assert!(ports.open(any, 1).is_some());
            drop(second);
            assert_eq!(ports.streams(), []);
            assert!(ports.open(key(protocol, address), 0).is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_is_taken_is_tried_again_after_a_while() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let key = key(StreamProtocol::Tcp, address);
        let ports = Ports::new(1);
        assert!(ports.open(key, 0).is_none());
        let refused = ports.streams().remove(0).refused.unwrap();
        assert!(refused.contains("in use"), "{refused}");
        drop(held);
        assert!(ports.open(key, 0).is_none(), "it is left alone for a while");
        tokio::time::advance(RETRY).await;
        let open = ports.open(key, 0).unwrap();
        assert_eq!(ports.streams(), [StreamPort { protocol: StreamProtocol::Tcp, address, refused: None }]);
        drop(open);
        ports.keep(|_| false);
        assert_eq!(ports.streams(), []);
    }
}
