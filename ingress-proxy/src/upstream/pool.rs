//! Connections to endpoints that wait for their next request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use ingress_core::Settings;
use tokio::time::{Instant, timeout};

use super::connect::Connector;
use super::lease::{Exclusive, Lease};
use super::shared::Shared;
use crate::body::Body;
use crate::error::Error;

/// One address and its connections, all made in one way. Lives as long as the address is in its upstream: when it leaves, those that are
/// idle are closed.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    connector: Arc<Connector>,
    idle: Mutex<Vec<Idle>>,
    /// Connections of HTTP/2, if that is what is spoken.
    shared: Option<Box<Shared>>,
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

/// A connection of HTTP/1.1.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    opened: Instant,
    pub(super) requests: u64,
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

    /// True if a connection that has lived and worked this much is not to be used again.
    pub(super) fn is_worn(&self, opened: Instant, requests: u64) -> bool {
        requests >= self.limits.requests.load(Relaxed) || opened.elapsed() >= self.limits.age()
    }

    /// True if a connection has been idle for too long.
    pub(super) fn is_stale(&self, since: Instant) -> bool {
        since.elapsed() >= self.limits.idle_time()
    }

    /// Counts one more idle connection; false, and nothing is counted, if there are enough.
    pub(super) fn admit(&self) -> bool {
        let full = self.idle.load(Relaxed) >= self.limits.idle.load(Relaxed);
        if !full {
            self.idle.fetch_add(1, Relaxed);
        }
        !full
    }

    /// Takes back `count` idle connections that were [admitted](Self::admit).
    pub(super) fn forget(&self, count: usize) {
        self.idle.fetch_sub(count, Relaxed);
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
    pub(super) fn new(address: SocketAddr, connector: Arc<Connector>, pool: Arc<Pool>) -> Arc<Self> {
        let shared = connector.is_http2().then(Box::default);
        Arc::new(Self { address, connector, idle: Mutex::default(), shared, pool })
    }

    /// A connection for one request: one that is open if `may_reuse`, else a new one, which must stand within `limit`.
    ///
    /// # Errors
    /// [`Kind::Connect`](crate::error::Kind::Connect) or [`Kind::ConnectTimeout`](crate::error::Kind::ConnectTimeout).
    pub(crate) async fn lease(self: &Arc<Self>, may_reuse: bool, limit: Duration) -> Result<Lease, Error> {
        if let Some(shared) = &self.shared {
            return match may_reuse.then(|| shared.reuse(self)).flatten() {
                Some(lease) => Ok(Lease::Shared(lease)),
                None => Box::pin(shared.open(self, may_reuse, limit)).await.map(Lease::Shared),
            };
        }
        while let Some(mut lease) = may_reuse.then(|| self.reuse()).flatten() {
            // A connection is given back with the last byte of an answer, a moment before its task has seen that it is idle.
            if lease.sender().is_ready() || Box::pin(becomes_ready(&mut lease, limit)).await {
                return Ok(Lease::Exclusive(lease));
            }
        }
        // In a box, as everything that few requests need: each request would carry the room for it.
        let sender = Box::pin(self.connector.http1(self.address, limit)).await?;
        let connection = Connection { sender, opened: Instant::now(), requests: 0 };
        Ok(Lease::Exclusive(Exclusive::new(connection, self, false)))
    }

    /// The connection that became idle last, if one is fit for use: the others may then grow old and be closed.
    fn reuse(self: &Arc<Self>) -> Option<Exclusive> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(last) = idle.pop() {
            self.pool.forget(1);
            if last.is_fit(&self.pool) {
                return Some(Exclusive::new(last.connection, self, true));
            }
        }
        None
    }

    /// Closes the idle connections that have waited too long, or whose endpoint closed them.
    pub(super) fn sweep(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let before = idle.len();
        idle.retain(|idle| idle.is_fit(&self.pool));
        self.pool.forget(before - idle.len());
        drop(idle);
        if let Some(shared) = &self.shared {
            shared.sweep(&self.pool);
        }
    }

    /// True if no connection is kept.
    pub(super) fn is_unconnected(&self) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.is_empty() && self.shared.as_ref().is_none_or(|shared| shared.is_empty())
    }

    /// Keeps a connection for the next request, if it is still good for one.
    pub(super) fn keep(&self, connection: Connection) {
        let worn = self.pool.is_worn(connection.opened, connection.requests);
        if worn || connection.sender.is_closed() || !self.pool.admit() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { connection, since: Instant::now() });
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The connections of HTTP/2.
    pub(super) fn shared(&self) -> Option<&Shared> {
        self.shared.as_deref()
    }
}

async fn becomes_ready(lease: &mut Exclusive, limit: Duration) -> bool {
    matches!(timeout(limit, lease.sender().ready()).await, Ok(Ok(())))
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        let shared = self.shared.as_ref().map_or(0, |shared| shared.idle());
        self.pool.forget(idle.len() + shared);
    }
}

impl Idle {
    fn is_fit(&self, pool: &Pool) -> bool {
        !self.connection.sender.is_closed() && !pool.is_stale(self.since)
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}
