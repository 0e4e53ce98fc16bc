//! The accept path: sockets, threads, connections.
//!
//! Each worker is a thread with a runtime, listeners and a [`Proxy`] of its own, and shares nothing with the others on the way of a
//! request. Nothing here knows a policy.

mod balance;
mod chunked;
mod datagram;
#[cfg(test)]
mod desync_tests;
mod drained;
mod framing;
mod handshake;
#[cfg(test)]
mod handshake_tests;
mod head;
mod http;
mod http1;
mod http2;
mod http3;
mod lifecycle;
mod limit;
mod linger;
mod listener;
mod opening;
mod plain_on_tls;
mod ports;
mod prefixed;
mod proxy_protocol;
mod sniff;
mod state;
pub(crate) mod stream;
mod transport;
#[cfg(test)]
mod transport_tests;
mod worker;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tower::Layer;
use tower::layer::util::Identity;

pub use http::HttpService;
pub use ports::StreamPort;

use crate::config::Config;
use crate::observe::Observer;
use crate::proxy::Proxy;
use crate::snapshot::Subscriber;
use balance::Workers;
use opening::Scheme;
use ports::Ports;
use state::WorkerState;
use worker::{Dynamic, Worker};

/// All workers of the proxy, before they start.
#[derive(Debug)]
#[must_use]
pub struct Server {
    subscriber: Subscriber,
    config: Config,
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    stream_addresses: Vec<IpAddr>,
    workers: Option<NonZeroUsize>,
    observe: Option<Observe>,
}

/// Makes the observer of a worker, which is given by its number.
#[derive(Clone)]
struct Observe(Arc<dyn Fn(usize) -> Box<dyn Observer> + Send + Sync>);

impl std::fmt::Debug for Observe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observe")
    }
}

/// A server that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A worker cannot be started.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] io::Error),
}

impl Server {
    /// A server without listeners.
    pub fn new(subscriber: Subscriber, config: Config) -> Self {
        Self {
            subscriber,
            config,
            addresses: Vec::new(),
            tls_addresses: Vec::new(),
            stream_addresses: Vec::new(),
            workers: None,
            observe: None,
        }
    }

    /// Listens on an address; port 0 takes a free one. May be called several times.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Listens on an address for TLS; port 0 takes a free one. May be called several times. The certificates are those of the snapshot.
    pub fn listen_tls(mut self, address: SocketAddr) -> Self {
        self.tls_addresses.push(address);
        self
    }

    /// On which addresses the TCP and UDP services of the snapshot are served, each on its own port: listeners open and close as
    /// snapshots come. Without it they are not served. A service with port 0 gets a free one, on each address another.
    ///
    /// On an address such as `0.0.0.0`, the system chooses from which address of the machine a datagram is answered. Where the machine
    /// has several by which clients come, each must be listed.
    pub fn streams_on(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.stream_addresses = addresses.into_iter().collect();
        self
    }

    /// How many workers serve; without it, one for each core that the process may use.
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Has each worker tell an observer of every request that reaches its proxy, or that the server refuses before. `make` is called with
    /// the number of the worker, from 0, when it starts.
    pub fn observe(mut self, make: impl Fn(usize) -> Box<dyn Observer> + Send + Sync + 'static) -> Self {
        self.observe = Some(Observe(Arc::new(make)));
        self
    }

    /// Binds every address and starts the workers.
    ///
    /// # Errors
    /// [`ServerError`] if an address cannot be listened on or a worker cannot be started; then nothing is left running.
    pub fn start(self) -> Result<Running, ServerError> {
        self.start_layered(Identity::new())
    }

    /// As [`start`](Self::start), with a layer of the embedder's around the proxy. The layer is applied once for each connection.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_layered<L>(self, layer: L) -> Result<Running, ServerError>
    where
        L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
    {
        let workers = self.workers.or_else(|| std::thread::available_parallelism().ok());
        let workers = workers.map_or(1, NonZeroUsize::get);
        let mut listeners: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let mut bind = |scheme, address| {
            let (bound, sockets) =
                listener::bind(address, workers).map_err(|source| ServerError::Listen { address, source })?;
            listeners.iter_mut().zip(sockets).for_each(|(worker, socket)| worker.push((scheme, socket)));
            Ok(bound)
        };
        let addresses = self.addresses.into_iter().map(|address| bind(Scheme::Http, address));
        let addresses = addresses.collect::<Result<_, _>>()?;
        let tls_addresses = self.tls_addresses.into_iter().map(|address| bind(Scheme::Https, address));
        let tls_addresses = tls_addresses.collect::<Result<Vec<_>, _>>()?;
        let config = Arc::new(self.config);
        let keepalive = self.subscriber.current().settings.upstream_keepalive_connections;
        let limit = limit::clients_per_worker(workers, keepalive);
        // Dropped on the way out, it stops the workers that have started.
        let ports = Arc::new(Ports::new(workers));
        let stream_addresses: Arc<[IpAddr]> = self.stream_addresses.into();
        let quic_addresses: Arc<[SocketAddr]> = tls_addresses.as_slice().into();
        let mut running = Running { addresses, tls_addresses, ports: ports.clone(), workers: Vec::new() };
        let (all, states) = Workers::new(workers);
        for (number, (listeners, (state, inbox))) in listeners.into_iter().zip(states).enumerate() {
            let worker = Worker {
                subscriber: self.subscriber.clone(),
                config: config.clone(),
                observer: self.observe.as_ref().map(|Observe(make)| make(number)),
                listeners,
                layer: layer.clone(),
                limit,
                state: state.clone(),
                all: all.clone(),
                inbox,
                dynamic: Dynamic {
                    worker: number,
                    ports: ports.clone(),
                    addresses: stream_addresses.clone(),
                    tls_addresses: quic_addresses.clone(),
                },
            };
            let end = worker::spawn(format!("worker-{number}"), worker).map_err(ServerError::Worker)?;
            running.workers.push((state, Some(end)));
        }
        Ok(running)
    }
}

/// A running server. Dropping it stops it at once; [`drain`](Self::drain) lets it finish.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    ports: Arc<Ports>,
    workers: Vec<(Arc<WorkerState>, Option<oneshot::Receiver<usize>>)>,
}

/// What the workers have counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Client connections that are open now.
    pub active: u64,
    /// Connections on which a request's head is being read.
    pub reading: u64,
    /// Connections on which a request is being answered, and tunnels.
    pub writing: u64,
    /// Connections that wait for a request.
    pub waiting: u64,
    /// Client connections that were accepted.
    pub accepted: u64,
    /// Client connections that were served, rather than refused for want of room.
    pub handled: u64,
    /// Requests.
    pub requests: u64,
    /// Handshakes of TLS that were done.
    pub handshakes: u64,
    /// Those of them that resumed a session.
    pub handshakes_resumed: u64,
    /// Handshakes of TLS that failed, or were not done in time.
    pub handshakes_failed: u64,
    /// Connections that were closed because they did not begin with a PROXY header, where there had to be one.
    pub proxy_headers_refused: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            active: self.active + other.active,
            reading: self.reading + other.reading,
            writing: self.writing + other.writing,
            waiting: self.waiting + other.waiting,
            accepted: self.accepted + other.accepted,
            handled: self.handled + other.handled,
            requests: self.requests + other.requests,
            handshakes: self.handshakes + other.handshakes,
            handshakes_resumed: self.handshakes_resumed + other.handshakes_resumed,
            handshakes_failed: self.handshakes_failed + other.handshakes_failed,
            proxy_headers_refused: self.proxy_headers_refused + other.proxy_headers_refused,
        }
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open when the time was up, and were cut.
    pub cut: usize,
}

impl Running {
    /// The addresses that are listened on, in the order of [`Server::listen`], with their real ports.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that are listened on for TLS, in the order of [`Server::listen_tls`], with their real ports.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// The ports of the snapshot's TCP and UDP services, on each address of [`Server::streams_on`]: those that are listened on, and those
    /// that cannot be, with the reason. They are as the workers have followed the snapshot, which takes a moment.
    pub fn stream_ports(&self) -> Vec<StreamPort> {
        self.ports.streams()
    }

    /// The addresses on which HTTP/3 is spoken: those of TLS, if the settings of the snapshot want it and their UDP ports are free.
    pub fn http3_addresses(&self) -> Vec<SocketAddr> {
        self.ports.http3()
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        self.workers.iter().map(|(state, _)| state.connections()).sum()
    }

    /// How many client connections each worker has open. Whichever accepts them, the workers share them evenly: one that has more than
    /// another by an eighth, or by two, gives what it accepts to that other.
    pub fn spread(&self) -> Vec<usize> {
        self.workers.iter().map(|(state, _)| state.connections()).collect()
    }

    /// What the workers have counted since the start, added up.
    pub fn counts(&self) -> Counts {
        self.counter()()
    }

    /// As [`counts`](Self::counts), to be asked from elsewhere, also when the server has ended.
    pub fn counter(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        let workers: Vec<_> = self.workers.iter().map(|(state, _)| state.clone()).collect();
        move || workers.iter().map(|state| state.counts()).fold(Counts::default(), Counts::plus)
    }

    /// How many workers serve.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Stops accepting, lets running requests end, and cuts what is left after `timeout`.
    ///
    /// Clients on kept-alive connections are told to close with their next answer; a connection without a request is kept for
    /// [`Config::drain_idle`], so that a request that is already on its way is still answered.
    pub fn drain(mut self, timeout: Duration) -> impl Future<Output = Drained> + Send {
        self.workers.iter().for_each(|(state, _)| state.drain());
        async move {
            let ends: Vec<_> = self.workers.iter_mut().filter_map(|(_, end)| end.take()).collect();
            let mut ends = std::pin::pin!(futures_util::future::join_all(ends));
            let ends = match tokio::time::timeout(timeout, &mut ends).await {
                Ok(ends) => ends,
                Err(_) => {
                    self.workers.iter().for_each(|(state, _)| state.stop.cancel());
                    ends.await
                }
            };
            Drained { cut: ends.into_iter().flatten().sum() }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.workers.iter().for_each(|(state, _)| state.stop.cancel());
    }
}
