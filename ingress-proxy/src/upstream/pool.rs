//! Connections to endpoints that wait for their next request.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use ingress_core::Settings;
use tokio::time::Instant;

use super::upload::{Progress, Stage};
use crate::body::Body;

/// One address and its idle connections. Lives as long as the address is in its upstream: when it leaves, they are closed.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: std::net::SocketAddr,
    idle: Mutex<Vec<Idle>>,
    pool: Arc<Pool>,
}

/// What the idle connections of one proxy share: their limits and their number.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    idle: AtomicUsize,
}

/// What the settings allow. Each is read on its own, so that a change of settings locks nobody out; durations are in nanoseconds.
#[derive(Debug, Default)]
struct Limits {
    idle: AtomicUsize,
    idle_time: AtomicU64,
    age: AtomicU64,
    requests: AtomicU64,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection to an endpoint.
struct Connection {
    sender: SendRequest<Body>,
    opened: Instant,
    requests: u64,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let pool = Self { limits: Limits::default(), idle: AtomicUsize::new(0) };
        pool.follow(settings);
        Arc::new(pool)
    }

    /// Takes over the limits of new settings. They hold from the next look at a connection on.
    pub(crate) fn follow(&self, settings: &Settings) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.limits.idle.store(settings.upstream_keepalive_connections, Relaxed);
        self.limits.idle_time.store(nanoseconds(settings.upstream_keepalive_timeout), Relaxed);
        self.limits.age.store(nanoseconds(settings.upstream_keepalive_time), Relaxed);
        self.limits.requests.store(settings.upstream_keepalive_requests, Relaxed);
    }

    /// How often idle connections should be looked through.
    pub(crate) fn sweep_interval(&self) -> Duration {
        (self.limits.idle_time() / 4).clamp(Duration::from_millis(10), Duration::from_secs(15))
    }
}

impl Limits {
    fn idle_time(&self) -> Duration {
        Duration::from_nanos(self.idle_time.load(Relaxed))
    }

    fn age(&self) -> Duration {
        Duration::from_nanos(self.age.load(Relaxed))
    }
}

impl Endpoint {
    pub(crate) fn new(address: std::net::SocketAddr, pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self { address, idle: Mutex::default(), pool })
    }

    /// The connection that became idle last, if one is fit for use: the others may then grow old and be closed.
    pub(crate) fn reuse(self: &Arc<Self>) -> Option<Lease> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = idle.pop() {
            self.pool.idle.fetch_sub(1, Relaxed);
            if last.is_fit(&self.pool.limits) {
                return Some(self.lease(last.connection, true));
            }
        }
        None
    }

    /// A lease on a connection that was just opened.
    pub(crate) fn opened(self: &Arc<Self>, sender: SendRequest<Body>) -> Lease {
        self.lease(Connection { sender, opened: Instant::now(), requests: 0 }, false)
    }

    fn lease(self: &Arc<Self>, connection: Connection, reused: bool) -> Lease {
        Lease { connection, endpoint: Arc::downgrade(self), upload: None, reused }
    }

    /// Closes the idle connections that have waited too long, or whose endpoint closed them.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let before = idle.len();
        idle.retain(|idle| idle.is_fit(&self.pool.limits));
        self.pool.idle.fetch_sub(before - idle.len(), Relaxed);
    }

    fn keep(&self, connection: Connection) {
        let limits = &self.pool.limits;
        let now = Instant::now();
        let worn = connection.requests >= limits.requests.load(Relaxed)
            || now.duration_since(connection.opened) >= limits.age();
        let full = self.pool.idle.load(Relaxed) >= limits.idle.load(Relaxed);
        if worn || full || connection.sender.is_closed() {
            return;
        }
        self.pool.idle.fetch_add(1, Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { connection, since: now });
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.pool.idle.fetch_sub(idle.len(), Relaxed);
    }
}

impl Idle {
    fn is_fit(&self, limits: &Limits) -> bool {
        !self.connection.sender.is_closed() && self.since.elapsed() < limits.idle_time()
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

/// A connection in use. Dropped, it is closed; [`release`](Self::release) gives it back.
pub(crate) struct Lease {
    connection: Connection,
    endpoint: Weak<Endpoint>,
    upload: Option<Arc<Progress>>,
    /// True if it carried a request before.
    pub(crate) reused: bool,
}

impl Lease {
    pub(crate) fn sender(&mut self) -> &mut SendRequest<Body> {
        &mut self.connection.sender
    }

    /// Notes the body that is sent over the connection.
    pub(crate) fn carries(&mut self, upload: Arc<Progress>) {
        self.upload = Some(upload);
    }

    /// Lets the connection carry no further request: it was asked for an upgrade, and what the endpoint made of that is not certain.
    pub(crate) fn retire(&mut self) {
        self.endpoint = Weak::new();
    }

    /// Gives the connection back after a whole answer, unless the endpoint answered before it had the whole request, or left its upstream.
    pub(crate) fn release(mut self) {
        let whole = self.upload.is_none_or(|upload| matches!(upload.stage(), Stage::Done(_)));
        if let (true, Some(endpoint)) = (whole, self.endpoint.upgrade()) {
            self.connection.requests += 1;
            endpoint.keep(self.connection);
        }
    }
}
