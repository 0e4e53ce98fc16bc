//! Where a connection stands: what its transport and its service have to tell each other.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use tokio::time::Instant;

use super::state::Open;

/// Shared by the two halves of one connection, which run in one task: the transport below hyper and the service above it.
#[derive(Debug)]
pub(super) struct Lifecycle {
    opened: Instant,
    /// Requests whose answer is not complete.
    running: AtomicU32,
    /// Requests that the service has been given.
    served: AtomicU64,
    /// Number and status of the request that the framing refused; 0 while there is none.
    refused: AtomicU64,
    /// When the last answer was complete, in milliseconds since `opened`.
    idle_since: AtomicU64,
    upgrade: AtomicU8,
    upgrade_waiter: AtomicWaker,
    open: Open,
}

/// What became of an upgrade that the client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    Undecided,
    Tunnel,
    Http,
}

impl Lifecycle {
    pub(super) fn new(open: Open) -> Self {
        Self {
            opened: Instant::now(),
            running: AtomicU32::new(0),
            served: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            upgrade: AtomicU8::new(0),
            upgrade_waiter: AtomicWaker::new(),
            open,
        }
    }

    /// The service was given a request; returns its number on this connection, from 1.
    pub(super) fn begin(&self) -> u64 {
        self.running.fetch_add(1, Relaxed);
        self.upgrade.store(0, Relaxed);
        self.served.fetch_add(1, Relaxed) + 1
    }

    /// The answer of a request is complete, or given up.
    pub(super) fn end(&self) {
        let since = self.opened.elapsed().as_millis();
        self.idle_since.store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
        self.running.fetch_sub(1, Relaxed);
    }

    /// Since when no request is running; when the connection was opened if there was none.
    pub(super) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Relaxed))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.load(Relaxed) == 0
    }

    pub(super) fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// The request of this number stands for one that must be refused.
    pub(super) fn refuse(&self, request: u64, status: StatusCode) {
        self.refused.store(request << 16 | u64::from(status.as_u16()), Relaxed);
    }

    /// How a request is to be refused, if it is.
    pub(super) fn refusal(&self, request: u64) -> Option<StatusCode> {
        let refused = self.refused.load(Relaxed);
        let status = u16::try_from(refused & 0xffff).ok()?;
        (refused >> 16 == request).then(|| StatusCode::from_u16(status).ok()).flatten()
    }

    pub(super) fn decide_upgrade(&self, tunnel: bool) {
        self.upgrade.store(if tunnel { 1 } else { 2 }, Relaxed);
        self.upgrade_waiter.wake();
    }

    /// Has the task polled again once the upgrade is decided.
    pub(super) fn wake_when_decided(&self, waker: &Waker) {
        self.upgrade_waiter.register(waker);
    }

    pub(super) fn upgrade(&self) -> Upgrade {
        match self.upgrade.load(Relaxed) {
            1 => Upgrade::Tunnel,
            2 => Upgrade::Http,
            _ => Upgrade::Undecided,
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.open.is_draining()
    }
}
