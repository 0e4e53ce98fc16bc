//! A worker as the rest of the server sees it: what it has counted, and whether it is to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Counts;

/// What the rest of the server sees of a worker.
#[derive(Debug, Default)]
pub(super) struct WorkerState {
    /// Stop accepting, and end when the last connection has; cancelled by [`drain`](Self::drain).
    pub(super) drain: CancellationToken,
    /// End now.
    pub(super) stop: CancellationToken,
    draining: AtomicBool,
    connections: AtomicUsize,
    reading: AtomicUsize,
    writing: AtomicUsize,
    accepted: AtomicU64,
    handled: AtomicU64,
    requests: AtomicU64,
    handshakes: AtomicU64,
    handshakes_resumed: AtomicU64,
    handshakes_failed: AtomicU64,
    proxy_headers_refused: AtomicU64,
    full: AtomicBool,
    emptied: Notify,
}

impl WorkerState {
    /// Begins the drain.
    pub(super) fn drain(&self) {
        // First, so that whoever is woken by the token sees it.
        self.draining.store(true, Relaxed);
        self.drain.cancel();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// What the worker has counted: it alone writes, others may read at any time. The numbers need not be of one instant.
    pub(super) fn counts(&self) -> Counts {
        let count = |counter: &AtomicUsize| counter.load(Relaxed) as u64;
        let (active, reading, writing) =
            (count(&self.connections), count(&self.reading), count(&self.writing));
        Counts {
            active,
            reading,
            writing,
            waiting: active.saturating_sub(reading + writing),
            accepted: self.accepted.load(Relaxed),
            handled: self.handled.load(Relaxed),
            requests: self.requests.load(Relaxed),
            handshakes: self.handshakes.load(Relaxed),
            handshakes_resumed: self.handshakes_resumed.load(Relaxed),
            handshakes_failed: self.handshakes_failed.load(Relaxed),
            proxy_headers_refused: self.proxy_headers_refused.load(Relaxed),
        }
    }

    /// A connection was accepted.
    pub(super) fn note_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    /// Counts a connection that was accepted; `None`, and a warning the first time, if the worker has as many as it may hold.
    pub(super) fn admit(self: &Arc<Self>, limit: usize) -> Option<Open> {
        self.note_accepted();
        let full = self.connections() >= limit;
        if self.note_full(full) && full {
            tracing::warn!(
                limit,
                "the limit of connections is reached: more are refused; raise the number of open files"
            );
        }
        (!full).then(|| Open::new(self.clone()))
    }

    /// A handshake of TLS is done.
    pub(super) fn note_handshake(&self, resumed: bool) {
        self.handshakes.fetch_add(1, Relaxed);
        if resumed {
            self.handshakes_resumed.fetch_add(1, Relaxed);
        }
    }

    /// A handshake of TLS has failed, or was given up.
    pub(super) fn note_failed_handshake(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    /// A connection began with no PROXY header, where there had to be one.
    pub(super) fn note_refused_proxy_header(&self) {
        self.proxy_headers_refused.fetch_add(1, Relaxed);
    }

    /// Notes whether there is room for one more connection; true if it was otherwise the last time.
    pub(super) fn note_full(&self, full: bool) -> bool {
        self.full.load(Relaxed) != full && self.full.swap(full, Relaxed) != full
    }

    /// Ready once no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.connections() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// Counts a connection for as long as its socket lives, upgraded or not.
#[derive(Debug)]
pub(super) struct Open {
    state: Arc<WorkerState>,
}

impl Open {
    pub(super) fn new(state: Arc<WorkerState>) -> Self {
        state.connections.fetch_add(1, Relaxed);
        state.handled.fetch_add(1, Relaxed);
        Self { state }
    }

    /// Counts the connection at another worker instead, as if that had accepted it.
    pub(super) fn move_to(self, state: &Arc<WorkerState>) -> Self {
        // First here: a sum that were taken in between may be one too high, but never steps back.
        state.note_accepted();
        let moved = Self::new(state.clone());
        self.state.accepted.fetch_sub(1, Relaxed);
        self.state.handled.fetch_sub(1, Relaxed);
        moved
    }

    /// A request came.
    pub(super) fn note_request(&self) {
        self.state.requests.fetch_add(1, Relaxed);
    }

    /// The connection is, or is no longer, one on which a head is being read.
    pub(super) fn note_reading(&self, reading: bool) {
        change(&self.state.reading, reading);
    }

    /// The connection is, or is no longer, one on which a request is being answered.
    pub(super) fn note_writing(&self, writing: bool) {
        change(&self.state.writing, writing);
    }

    /// It began with no PROXY header, where there had to be one.
    pub(super) fn note_refused_proxy_header(&self) {
        self.state.note_refused_proxy_header();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state.is_draining()
    }
}

fn change(counter: &AtomicUsize, more: bool) {
    if more {
        counter.fetch_add(1, Relaxed);
    } else {
        counter.fetch_sub(1, Relaxed);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.state.connections.fetch_sub(1, Relaxed) == 1 {
            self.state.emptied.notify_waiters();
        }
    }
}
