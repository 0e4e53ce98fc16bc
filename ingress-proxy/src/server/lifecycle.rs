//! Where a connection stands: what its transport and its service have to tell each other.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
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
    /// What there is of that request's first line.
    refused_line: OnceLock<Box<[u8]>>,
    /// A head has begun to come.
    reading: AtomicBool,
    /// The socket takes nothing more for now.
    full: AtomicBool,
    /// When the last answer was complete, in milliseconds since `opened`.
    idle_since: AtomicU64,
    upgrade: AtomicU8,
    upgrade_waiter: AtomicWaker,
    worn: AtomicBool,
    silent: AtomicBool,
    /// A request waits that hyper has no room for as it is.
    narrow: AtomicBool,
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
            refused_line: OnceLock::new(),
            reading: AtomicBool::new(false),
            full: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            upgrade: AtomicU8::new(0),
            upgrade_waiter: AtomicWaker::new(),
            worn: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            narrow: AtomicBool::new(false),
            open,
        }
    }

    /// The service was given a request; returns its number on this connection, from 1.
    pub(super) fn begin(&self) -> u64 {
        if self.running.fetch_add(1, Relaxed) == 0 {
            self.open.note_writing(true);
        }
        self.open.note_request();
        self.upgrade.store(0, Relaxed);
        self.served.fetch_add(1, Relaxed) + 1
    }

    /// A request that runs may go on as a tunnel when its answer is complete; that too comes to an [`end`](Self::end).
    pub(super) fn hold(&self) {
        self.running.fetch_add(1, Relaxed);
    }

    /// The answer of a request is complete, or given up.
    pub(super) fn end(&self) {
        let since = self.opened.elapsed().as_millis();
        self.idle_since.store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
        if self.running.fetch_sub(1, Relaxed) == 1 && self.upgrade() != Upgrade::Tunnel {
            self.open.note_writing(false);
        }
    }

    /// Notes whether a head has begun to come and is not complete.
    pub(super) fn set_reading(&self, reading: bool) {
        if self.reading.load(Relaxed) != reading {
            self.reading.store(reading, Relaxed);
            self.open.note_reading(reading);
        }
    }

    /// Notes whether the socket takes what is written to it.
    pub(super) fn set_full(&self, full: bool) {
        if self.is_full() != full {
            self.full.store(full, Relaxed);
        }
    }

    /// True while the socket takes nothing more.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    /// Since when no request is running; when the connection was opened if there was none.
    pub(super) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Relaxed))
    }

    /// True if no request is running. A tunnel is never idle here: it has a time of its own.
    pub(super) fn is_idle(&self) -> bool {
        self.running.load(Relaxed) == 0 && self.upgrade() != Upgrade::Tunnel
    }

    pub(super) fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// Keeps the first line of a request that must be refused.
    pub(super) fn keep_refused_line(&self, line: &[u8]) {
        let _ = self.refused_line.set(line.into());
    }

    /// What there is of the first line of the request that was refused.
    pub(super) fn refused_line(&self) -> &[u8] {
        self.refused_line.get().map(|line| &**line).unwrap_or_default()
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

    /// The connection has carried as many requests as it may.
    pub(super) fn wear_out(&self) {
        self.worn.store(true, Relaxed);
    }

    /// True once the connection should get no more requests.
    pub(super) fn is_worn(&self) -> bool {
        self.worn.load(Relaxed)
    }

    /// Notes whether the last that was done with the transport was to ask for a request of which nothing is there for hyper.
    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Relaxed);
    }

    /// True if the last that was done with the transport was to ask for a request of which nothing is there for hyper.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Relaxed)
    }

    /// Notes whether a request waits for which hyper has to be made anew.
    pub(super) fn set_too_narrow(&self, narrow: bool) {
        self.narrow.store(narrow, Relaxed);
    }

    /// True while a request waits for which hyper has to be made anew.
    pub(super) fn is_too_narrow(&self) -> bool {
        self.narrow.load(Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.open.is_draining()
    }
}

impl Drop for Lifecycle {
    fn drop(&mut self) {
        self.set_reading(false);
        if self.upgrade() == Upgrade::Tunnel {
            self.open.note_writing(false);
        }
    }
}
