//! A client's body on its way to an endpoint, and how far it has come.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use crate::body::{Body, BoxError};
use crate::error::{Error, Kind};
use crate::timer::Wait;

/// A request body that is being forwarded. One that grows too large ends in an error, so that the endpoint sees it cut off. Its trailers
/// are dropped, as nginx does: a field that arrives after the policies have been applied has been seen by none of them.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Body,
    timeout: Duration,
    max_size: u64,
    wait: Wait,
    progress: Arc<Progress>,
    shared: bool,
}

/// How far an [`Upload`] has come, for whoever waits for the answer.
#[derive(Debug)]
pub(crate) struct Progress {
    stage: AtomicU8,
    since: AtomicU64,
    bytes: AtomicU64,
    /// For those who share a connection with others: a body that is called off, and one that is not needed any more.
    called_off: AtomicBool,
    over: AtomicBool,
    waker: AtomicWaker,
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing of the body has been read: the request can be sent again.
    Untouched,
    /// The client is awaited.
    AwaitsClient,
    /// The endpoint is awaited, since this long.
    AwaitsEndpoint(Duration),
    /// All has been handed over, this long ago.
    Done(Duration),
    /// The client failed.
    Failed(Kind),
}

const UNTOUCHED: u8 = 0;
const AWAITS_CLIENT: u8 = 1;
const AWAITS_ENDPOINT: u8 = 2;
const DONE: u8 = 3;
const TIMED_OUT: u8 = 4;
const BROKEN: u8 = 5;
const TOO_LARGE: u8 = 6;

impl Progress {
    /// The progress of a body; one without content is done from the start.
    pub(crate) fn new(body: &Body) -> Arc<Self> {
        let stage = if body.is_end_stream() { DONE } else { UNTOUCHED };
        Arc::new(Self {
            stage: AtomicU8::new(stage),
            since: AtomicU64::new(now()),
            bytes: AtomicU64::new(0),
            called_off: AtomicBool::new(false),
            over: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        })
    }

    /// Ends the body in an error when it is read next, or is being waited for.
    pub(super) fn call_off(&self) {
        self.called_off.store(true, Relaxed);
        self.waker.wake();
    }

    /// True if whoever sends the body has let go of it: all of it has been sent, or no more of it will be.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// How many bytes have come from the client.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(crate) fn stage(&self) -> Stage {
        let since = Duration::from_millis(now().saturating_sub(self.since.load(Relaxed)));
        match self.stage.load(Relaxed) {
            UNTOUCHED => Stage::Untouched,
            AWAITS_CLIENT => Stage::AwaitsClient,
            AWAITS_ENDPOINT => Stage::AwaitsEndpoint(since),
            DONE => Stage::Done(since),
            TIMED_OUT => Stage::Failed(Kind::ClientTimeout),
            TOO_LARGE => Stage::Failed(Kind::BodyTooLarge),
            _ => Stage::Failed(Kind::ClientBody),
        }
    }

    fn set(&self, stage: u8) {
        self.since.store(now(), Relaxed);
        self.stage.store(stage, Relaxed);
    }

    /// Counts bytes that have come; returns how many that makes.
    fn count(&self, bytes: usize) -> u64 {
        // One task writes this.
        let bytes = self.bytes().saturating_add(bytes as u64);
        self.bytes.store(bytes, Relaxed);
        bytes
    }
}

/// Milliseconds since the process began to measure.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    let since = now.saturating_duration_since(*START.get_or_init(|| now));
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Upload {
    /// Forwards `body`; `timeout` bounds the time between two reads from the client, `max_size` the bytes.
    pub(crate) fn new(body: Body, timeout: Duration, max_size: Option<u64>, progress: Arc<Progress>) -> Self {
        Self {
            body,
            timeout,
            max_size: max_size.unwrap_or(u64::MAX),
            wait: Wait::default(),
            progress,
            shared: false,
        }
    }

    /// For a connection that others use too: that one request is called off must not end it.
    pub(crate) fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.progress.over.store(true, Relaxed);
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.shared {
            this.progress.waker.register(cx.waker());
            if this.progress.called_off.load(Relaxed) {
                // Tells the endpoint that nobody listens any more, and not that something went wrong.
                return Poll::Ready(Some(Err(h2::Error::from(h2::Reason::CANCEL).into())));
            }
        }
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            this.progress.set(AWAITS_CLIENT);
            ready!(this.wait.poll(cx, this.timeout));
            this.progress.set(TIMED_OUT);
            return Poll::Ready(Some(Err(Error::new(Kind::ClientTimeout).into())));
        };
        this.wait.over();
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => {
                let come = this.progress.count(frame.data_ref().map_or(0, Bytes::len));
                if come > this.max_size {
                    this.progress.set(TOO_LARGE);
                    return Poll::Ready(Some(Err(Error::new(Kind::BodyTooLarge).into())));
                }
                this.progress.set(if this.body.is_end_stream() { DONE } else { AWAITS_ENDPOINT });
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                this.progress.set(BROKEN);
                Some(Err(error))
            }
            Some(Ok(_)) | None => {
                this.progress.set(DONE);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
