//! Connections of HTTP/2: each is shared by the requests that run over it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::SendRequest;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::connect::{Http2, Room};
use super::lease::Stream;
use super::pool::{Endpoint, Pool};
use crate::body::Body;
use crate::error::{Error, Kind};

/// The connections to one endpoint that take requests. One that does no longer is let go of: what runs over it ends first.
#[derive(Debug, Default)]
pub(super) struct Shared {
    open: Mutex<Vec<Open>>,
    /// Held by the one request that opens a connection; the others wait, for it may do for all of them.
    opening: tokio::sync::Mutex<()>,
}

/// A connection, and what runs over it.
struct Open {
    connection: Arc<Connection>,
    sender: SendRequest<Body>,
    room: Arc<Room>,
    opened: Instant,
    running: usize,
    requests: u64,
    /// Since when nothing runs; then it is counted as idle.
    idle: Option<Instant>,
}

/// What those who use a connection hold of it. With the last of them it is closed.
#[derive(Debug, Default)]
pub(super) struct Connection {
    task: Option<AbortHandle>,
    stuck: AtomicBool,
}

impl Shared {
    /// The least used connection that has room.
    pub(super) fn reuse(&self, endpoint: &Arc<Endpoint>) -> Option<Stream> {
        let mut open = self.lock();
        retain(&mut open, endpoint.pool());
        let with_room = open.iter_mut().filter(|open| open.running < open.room.streams());
        let least = with_room.min_by_key(|open| open.running)?;
        Some(least.begin(endpoint, true))
    }

    /// A new connection, or one that somebody else has opened meanwhile.
    ///
    /// # Errors
    /// [`Kind::Connect`] or [`Kind::ConnectTimeout`].
    pub(super) async fn open(
        &self,
        endpoint: &Arc<Endpoint>,
        may_reuse: bool,
        limit: Duration,
    ) -> Result<Stream, Error> {
        let until = Instant::now() + limit;
        let _turn = timeout(limit, self.opening.lock()).await.map_err(|_| Kind::ConnectTimeout)?;
        if let Some(stream) = may_reuse.then(|| self.reuse(endpoint)).flatten() {
            return Ok(stream);
        }
        let left = until.saturating_duration_since(Instant::now());
        let Http2 { sender, room, task } = endpoint.connector().http2(endpoint.address, left).await?;
        let connection = Arc::new(Connection { task, stuck: AtomicBool::new(false) });
        let opened = Instant::now();
        let mut new = Open { connection, sender, room, opened, running: 0, requests: 0, idle: None };
        let stream = new.begin(endpoint, false);
        self.lock().push(new);
        Ok(stream)
    }

    /// A request is over.
    pub(super) fn end(&self, connection: &Arc<Connection>, pool: &Pool) {
        let mut all = self.lock();
        let Some(at) = all.iter().position(|open| Arc::ptr_eq(&open.connection, connection)) else { return };
        let Some(open) = all.get_mut(at) else { return };
        open.running = open.running.saturating_sub(1);
        if open.running > 0 {
            return;
        }
        if pool.admit() {
            open.idle = Some(Instant::now());
        } else {
            all.swap_remove(at);
        }
    }

    /// Lets a connection carry no further requests.
    pub(super) fn retire(&self, connection: &Arc<Connection>) {
        // It has a request that tells us so: it is not idle.
        self.lock().retain(|open| !Arc::ptr_eq(&open.connection, connection));
    }

    /// Lets go of the connections that have been idle for too long, are worn, or were closed by the endpoint.
    pub(super) fn sweep(&self, pool: &Pool) {
        retain(&mut self.lock(), pool);
    }

    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How many are counted as idle.
    pub(super) fn idle(&self) -> usize {
        self.lock().iter().filter(|open| open.idle.is_some()).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn retain(all: &mut Vec<Open>, pool: &Pool) {
    all.retain(|open| {
        let stays = open.is_fit(pool);
        if !stays && open.idle.is_some() {
            pool.forget(1);
        }
        stays
    });
}

impl Open {
    fn is_fit(&self, pool: &Pool) -> bool {
        !self.sender.is_closed()
            && !pool.is_worn(self.opened, self.requests)
            && self.idle.is_none_or(|since| !pool.is_stale(since))
    }

    fn begin(&mut self, endpoint: &Arc<Endpoint>, reused: bool) -> Stream {
        if self.idle.take().is_some() {
            endpoint.pool().forget(1);
        }
        self.running += 1;
        self.requests += 1;
        let first = (!reused).then(|| self.room.clone());
        Stream::new(self.sender.clone(), self.connection.clone(), endpoint, first)
    }
}

impl Connection {
    /// Notes that the endpoint does not take what it was sent, although it has answered: nothing but the end of the connection ends that.
    pub(super) fn is_stuck(&self) {
        self.stuck.store(true, Relaxed);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (true, Some(task)) = (self.stuck.load(Relaxed), &self.task) {
            task.abort();
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("running", &self.running)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}
