//! The client's socket as hyper sees it: framing judged, and every wait bounded.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ingress_core::Settings;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::framing::{Framing, Verdict};
use super::head::MAX_HEAD;
use super::lifecycle::{Lifecycle, Upgrade};
use super::linger::Linger;
use crate::config::Config;
use crate::timer::{Deadline, Wait};

/// What hyper is shown in place of a head that was refused: the service answers it with the status noted in the [`Lifecycle`].
const REFUSED: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
/// How much of a refused head's first line is kept for the observer, in bytes.
const KEPT_LINE: usize = 1024;

/// A client's transport.
#[derive(Debug)]
pub(super) struct Transport<T> {
    io: T,
    /// `None` for HTTP/2, which has frames of its own.
    framing: Option<Framing>,
    gate: Gate,
    opened: Instant,
    lifecycle: Arc<Lifecycle>,
    limits: Limits,
    /// Bytes that were read but have not passed the framing.
    held: Vec<u8>,
    /// Bytes that have passed, but for which hyper had no room yet.
    passed: Passed,
    /// Request heads that have passed.
    heads: u64,
    waits: Waits,
    linger: Linger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// A head was refused: hyper got [`REFUSED`] in its place, and nothing after it.
    Refused,
    /// A body was malformed: its reader gets an error.
    Broken,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    head: Duration,
    idle: Duration,
    send: Duration,
    drain: Duration,
}

#[derive(Debug, Default)]
struct Passed {
    bytes: Vec<u8>,
    start: usize,
}

/// What the transport waits for, and since when.
#[derive(Debug, Default)]
struct Waits {
    head_since: Option<Instant>,
    draining_since: Option<Instant>,
    client: Deadline,
    room: Wait,
}

impl<T> Transport<T> {
    /// A transport of HTTP/1, or of HTTP/2; `first` has been read from it already.
    pub(super) fn new(
        io: T,
        http1: bool,
        first: Vec<u8>,
        lifecycle: Arc<Lifecycle>,
        settings: &Settings,
        config: &Config,
    ) -> Self {
        let mut transport = Self {
            io,
            framing: http1.then(Framing::default),
            gate: Gate::Open,
            opened: Instant::now(),
            lifecycle,
            limits: Limits {
                head: settings.client_header_timeout,
                idle: settings.keep_alive,
                send: config.send_timeout,
                drain: config.drain_idle,
            },
            held: first,
            passed: Passed::default(),
            heads: 0,
            waits: Waits::default(),
            linger: Linger::default(),
        };
        transport.judge_held();
        transport
    }

    /// Shows the held bytes to the framing and moves what passes.
    fn judge_held(&mut self) {
        let passes = match &mut self.framing {
            None => self.held.len(),
            Some(framing) => {
                let verdict = framing.scan(&self.held);
                self.obey(&verdict)
            }
        };
        let rest = self.held.split_off(passes.min(self.held.len()));
        self.passed.push(std::mem::replace(&mut self.held, rest));
        self.show_refusal();
    }

    /// Notes a verdict; returns how many of the bytes it is about may pass.
    fn obey(&mut self, verdict: &Verdict) -> usize {
        match *verdict {
            Verdict::Pass { bytes, heads } => {
                self.heads += u64::from(heads);
                bytes
            }
            Verdict::Refused { bytes, heads, status } => {
                self.heads += u64::from(heads) + 1;
                self.lifecycle.refuse(self.heads, status);
                self.gate = Gate::Refused;
                bytes
            }
            Verdict::Broken => {
                self.gate = Gate::Broken;
                0
            }
        }
    }

    fn show_refusal(&mut self) {
        if self.gate == Gate::Refused {
            self.lifecycle.keep_refused_line(first_line(&self.held));
            self.held = Vec::new();
            self.passed.push(REFUSED.to_vec());
        }
    }

    /// Learns from the service what became of an upgrade.
    fn follow_upgrade(&mut self, cx: &Context<'_>) {
        let Some(framing) = self.framing.as_mut().filter(|framing| framing.awaits_upgrade()) else { return };
        self.lifecycle.wake_when_decided(cx.waker());
        if self.lifecycle.served() < self.heads || self.lifecycle.upgrade() == Upgrade::Undecided {
            return;
        }
        framing.decide_upgrade(self.lifecycle.upgrade() == Upgrade::Tunnel);
        self.judge_held();
    }

    /// True while no more may be read, so that what a client sends ahead of an upgrade stays within bounds.
    fn is_full(&self) -> bool {
        self.held.len() >= 2 * MAX_HEAD
    }

    /// True if hyper must have room for more fields than is usual.
    pub(super) fn is_wide(&self) -> bool {
        self.framing.as_ref().is_some_and(Framing::is_wide)
    }

    /// Lets a head pass that has more fields than is usual, if there is one: hyper is made anew.
    fn widen(&mut self) {
        if let Some(framing) = self.framing.as_mut().filter(|framing| framing.is_too_narrow()) {
            framing.widen();
            self.lifecycle.set_too_narrow(false);
            self.judge_held();
        }
    }

    /// As [`poll_client_wait`](Self::poll_client_wait), for hyper. Of HTTP/1 only parts of a head are awaited here: how long the client may
    /// be silent is for [`http1`](super::http1), and how long an answer may take for others.
    fn poll_wait_below_hyper(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(framing) = &self.framing {
            let narrow = framing.is_too_narrow();
            let silent = narrow || (framing.is_between_requests() && self.held.is_empty());
            if narrow {
                self.lifecycle.set_too_narrow(true);
            }
            self.lifecycle.set_silent(silent);
            if silent || !self.lifecycle.is_idle() {
                return Poll::Pending;
            }
        }
        self.poll_client_wait(cx)
    }

    /// Pending until the client has kept the connection waiting for too long; then as if it had closed it.
    ///
    /// Of HTTP/2, hyper does not ask again when an answer is complete, so the timer also runs while a request does: it is cheap, and what
    /// counts is found out when it fires.
    fn poll_client_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let draining = self.lifecycle.is_draining();
        let idle = self.lifecycle.is_idle();
        let between = self.framing.as_ref().is_none_or(Framing::is_between_requests);
        let now = Instant::now();
        if draining && self.waits.draining_since.is_none() {
            self.waits.draining_since = Some(now);
        }
        let since = match (idle, between) {
            (false, _) => now,
            (true, true) => self.lifecycle.idle_since().max(self.waits.draining_since.unwrap_or(self.opened)),
            (true, false) => {
                self.lifecycle.set_reading(true);
                *self.waits.head_since.get_or_insert(now)
            }
        };
        let limit = match (between, draining) {
            (true, true) => self.limits.drain,
            (true, false) if self.lifecycle.served() > 0 => self.limits.idle,
            _ => self.limits.head,
        };
        match self.waits.client.poll(cx, since + limit) {
            Poll::Ready(()) if idle => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    /// Bounds how long the client may refuse to take bytes.
    fn poll_room<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        self.lifecycle.set_full(written.is_pending());
        if written.is_ready() {
            self.waits.room.over();
            return written;
        }
        self.waits.room.poll(cx, self.limits.send).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> Transport<T> {
    /// Reads into hyper's own buffer; what may not pass is taken back.
    fn poll_read_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let fresh = buf.filled().get(before..).unwrap_or_default();
        let read = fresh.len();
        if let Some(framing) = &mut self.framing {
            let verdict = framing.scan(fresh);
            let passes = self.obey(&verdict).min(read);
            self.held = fresh.get(passes..).unwrap_or_default().to_vec();
            buf.set_filled(before + passes);
            self.show_refusal();
        }
        Poll::Ready(Ok(read))
    }

    /// Waits for a request without hyper: ready with true once there is something for it to read, and with false if the client closed the
    /// connection or is to be taken for one that did.
    ///
    /// # Errors
    /// Whatever the transport below reports.
    pub(super) fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.widen();
        // What is malformed is for hyper, which gets an error of it.
        while self.passed.is_empty() && self.gate == Gate::Open {
            match self.poll_read_held(cx)? {
                Poll::Pending => return self.poll_client_wait(cx).map_ok(|()| false),
                Poll::Ready(0) => return Poll::Ready(Ok(false)),
                Poll::Ready(_) => self.widen(),
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Reads more of what is held.
    fn poll_read_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut more = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut more))?;
        self.held.extend_from_slice(more.filled());
        self.judge_held();
        Poll::Ready(Ok(more.filled().len()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        loop {
            this.passed.pop_into(buf);
            if buf.filled().len() > before {
                this.waits.head_since = None;
                this.lifecycle.set_reading(false);
                return Poll::Ready(Ok(()));
            }
            match this.gate {
                Gate::Open => {}
                Gate::Refused => return Poll::Pending,
                Gate::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            }
            this.follow_upgrade(cx);
            if !this.passed.is_empty() {
                continue;
            }
            // Before it is asked whether there is room: nobody would wake the task of a connection that is full and waits for a wider hyper.
            if this.framing.as_ref().is_some_and(Framing::is_too_narrow) {
                return this.poll_wait_below_hyper(cx);
            }
            if this.is_full() {
                return Poll::Pending;
            }
            let through = this.held.is_empty();
            let read = if through { this.poll_read_through(cx, buf) } else { this.poll_read_held(cx) };
            match read? {
                Poll::Pending => return this.poll_wait_below_hyper(cx),
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.lifecycle.set_silent(false);
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.poll_room(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.lifecycle.set_silent(false);
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.poll_room(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes bytes before the socket does.
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_pending() {
            self.lifecycle.set_silent(false);
        }
        self.poll_room(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.lifecycle.set_silent(false);
        let unread = this.framing.as_ref().is_some_and(Framing::has_unread);
        let shut = this.linger.poll_shutdown(cx, &mut this.io, unread);
        // TLS has something to say at the end, too.
        this.poll_room(cx, shut)
    }
}

/// What there is of a head's first line. One empty line may stand before it.
pub(super) fn first_line(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let end = memchr::memchr2(b'\r', b'\n', head).unwrap_or(head.len()).min(KEPT_LINE);
    head.get(..end).unwrap_or_default()
}

impl Passed {
    fn push(&mut self, bytes: Vec<u8>) {
        if self.bytes.is_empty() {
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn pop_into(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let (now, later) = rest.split_at_checked(buf.remaining()).unwrap_or((rest, &[]));
        buf.put_slice(now);
        self.start += now.len();
        if later.is_empty() {
            *self = Self::default();
        }
    }
}
