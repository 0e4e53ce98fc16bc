//! A worker as the rest of the server sees it: how many connections it has, and whether it is to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What the rest of the server sees of a worker.
#[derive(Debug, Default)]
pub(super) struct WorkerState {
    /// Stop accepting, and end when the last connection has; cancelled by [`drain`](Self::drain).
    pub(super) drain: CancellationToken,
    /// End now.
    pub(super) stop: CancellationToken,
    draining: AtomicBool,
    connections: AtomicUsize,
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

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
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
        Self { state }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state.draining.load(Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.state.connections.fetch_sub(1, Relaxed) == 1 {
            self.state.emptied.notify_waiters();
        }
    }
}
