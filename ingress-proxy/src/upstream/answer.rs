//! An endpoint's body on its way to a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::lease::Lease;
use crate::body::BoxError;
use crate::error::{Error, Kind};
use crate::timer::Wait;

/// An answer's body. With its last byte the connection goes back to the pool; if it is dropped before, the connection is closed, or the
/// one exchange on it is called off.
pub(crate) struct Answer {
    body: Incoming,
    lease: Option<Lease>,
    timeout: Duration,
    trailers: bool,
    wait: Wait,
}

impl Answer {
    /// Streams `body`; `timeout` bounds the time between two reads from the endpoint.
    pub(crate) fn new(body: Incoming, lease: Lease, timeout: Duration) -> Self {
        let mut answer = Self { body, lease: Some(lease), timeout, trailers: false, wait: Wait::default() };
        answer.release_at_end();
        answer
    }

    /// Lets trailers through, but for fields that are none of the message's. Otherwise they are dropped, as nginx does.
    pub(crate) fn with_trailers(self) -> Self {
        Self { trailers: true, ..self }
    }

    fn release_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.release();
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            ready!(this.wait.poll(cx, this.timeout));
            if let Some(lease) = &mut this.lease {
                lease.retire();
            }
            return Poll::Ready(Some(Err(Error::new(Kind::ReadTimeout).into())));
        };
        this.wait.over();
        match frame {
            Some(Ok(frame)) if !frame.is_data() => {
                this.lease.take().into_iter().for_each(Lease::release);
                let trailers = frame.into_trailers().ok().filter(|_| this.trailers);
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(without_framing(trailers)))))
            }
            Some(Ok(frame)) => {
                this.release_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.lease = None;
                Poll::Ready(Some(Err(Error::with(Kind::Broken, error).into())))
            }
            None => {
                if let Some(lease) = this.lease.take() {
                    lease.release();
                }
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Trailers without the fields that concern a connection, or say where a message goes and ends: such have no business behind it
/// (RFC 9110, section 6.5.1).
fn without_framing(mut trailers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        trailers.remove(name);
    }
    trailers.remove("keep-alive");
    trailers.remove("proxy-connection");
    trailers
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
