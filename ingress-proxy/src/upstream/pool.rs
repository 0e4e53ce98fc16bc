//! Connections to endpoints that wait for their next request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::Context;
use std::time::Duration;

use ingress_core::Settings;
use tokio::time::Instant;

use super::bell::Bell;
use super::connect::Connector;
use super::exclusive::Exclusive;
use super::lease::Lease;
use super::shared::Shared;
use crate::error::Error;

/// One address and its connections, all made in one way. Lives as long as the address is in its upstream: when it leaves, those that are
/// idle are closed.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    connector: Arc<Connector>,
    idle: Mutex<Vec<Idle>>,
    bell: Bell,
    attended: Once,
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

#[derive(Debug)]
struct Idle {
    lease: Box<Exclusive>,
    since: Instant,
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
        let (idle, bell, attended) = (Mutex::default(), Bell::default(), Once::new());
        Arc::new(Self { address, connector, idle, bell, attended, shared, pool })
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
        if let Some(lease) = may_reuse.then(|| self.reuse()).flatten() {
            return Ok(Lease::Exclusive(lease));
        }
        // Here and not when the endpoint is made: only now is there certain to be a runtime.
        self.attended.call_once(|| self.bell.sweep(Arc::downgrade(self)));
        // In a box, as everything that few requests need: each request would carry the room for it.
        let io = Box::pin(self.connector.http1(self.address, limit)).await?;
        Ok(Lease::Exclusive(Exclusive::new(io, self)))
    }

    /// The connection that became idle last, if one is fit for use: the others may then grow old and be closed.
    fn reuse(&self) -> Option<Box<Exclusive>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut last) = idle.pop() {
            self.pool.forget(1);
            if last.is_fit(self) {
                return Some(last.lease);
            }
            last.lease.close();
        }
        None
    }

    /// Closes the idle connections that have waited too long, or whose endpoint closed them, and gives back the memory that the others
    /// do not need while they wait.
    pub(super) fn sweep(&self) {
        self.sweep_idle(|idle| idle.lease.shrink());
        if let Some(shared) = &self.shared {
            shared.sweep(&self.pool);
        }
    }

    /// Closes the idle connections that their endpoint has closed.
    pub(super) fn sweep_closed(&self) {
        self.sweep_idle(|_| ());
    }

    fn sweep_idle(&self, mut care_for: impl FnMut(&mut Idle)) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for unfit in idle.extract_if(.., |idle| !idle.is_fit(self)) {
            self.pool.forget(1);
            unfit.lease.close();
        }
        idle.iter_mut().for_each(&mut care_for);
    }

    /// True if no connection is kept.
    pub(super) fn is_unconnected(&self) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.is_empty() && self.shared.as_ref().is_none_or(|shared| shared.is_empty())
    }

    /// Keeps a connection for the next request, if it is still good for one.
    pub(super) fn keep(&self, lease: Box<Exclusive>) {
        let (opened, requests) = lease.wear();
        let mut kept = Idle { lease, since: Instant::now() };
        // Locked before the look: were it closed between look and push, the bell would ring while there is nothing to find.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if self.pool.is_worn(opened, requests) || !kept.is_silent(self) || !self.pool.admit() {
            return kept.lease.close();
        }
        idle.push(kept);
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

impl Drop for Endpoint {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        let shared = self.shared.as_ref().map_or(0, |shared| shared.idle());
        self.pool.forget(idle.len() + shared);
    }
}

impl Idle {
    fn is_fit(&mut self, endpoint: &Endpoint) -> bool {
        !endpoint.pool.is_stale(self.since) && self.is_silent(endpoint)
    }

    /// True if the endpoint has not closed the connection, and nothing came that nobody has asked for; the bell tells when that changes.
    fn is_silent(&mut self, endpoint: &Endpoint) -> bool {
        self.lease.is_silent(&mut Context::from_waker(endpoint.bell.waker()))
    }
}
