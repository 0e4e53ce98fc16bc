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

use super::exclusive::Exclusive;
use super::lease::Stream;
use super::overtaken::Overtaken;
use crate::body::BoxError;
use crate::error::{Error, Kind};
use crate::timer::Wait;

/// An answer's body. With its last byte the connection goes back to the pool; if it is dropped before, the connection is closed, or the
/// one exchange on it is called off.
pub(crate) enum Answer {
    /// Over HTTP/1.1; without trailers, as nginx does. `None` when it is over.
    Exclusive(Option<Box<Exclusive>>),
    /// Over HTTP/1.1, while the request's body is still on its way.
    Overtaken(Overtaken),
    /// Over HTTP/2.
    Shared(Box<Shared>),
    /// Over HTTP/1.1, broken off; `None` when that has been told.
    Broken(Option<Error>),
}

/// A body over HTTP/2.
pub(crate) struct Shared {
    body: Incoming,
    stream: Option<Stream>,
    timeout: Duration,
    trailers: bool,
    wait: Wait,
}

impl Answer {
    /// Streams `body`; `timeout` bounds the time between two reads from the endpoint. With `trailers`, those that are none of the
    /// message's are let through; otherwise they are dropped.
    pub(super) fn shared(body: Incoming, stream: Stream, timeout: Duration, trailers: bool) -> Self {
        let stream = Some(stream);
        Self::Shared(Box::new(Shared { body, stream, timeout, trailers, wait: Wait::default() }))
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let data = match &mut *self {
            Self::Exclusive(lease) => ready!(poll_exclusive(lease, cx)),
            Self::Overtaken(overtaken) => ready!(overtaken.poll_data(cx)),
            Self::Shared(shared) => return shared.poll_frame(cx),
            Self::Broken(error) => return Poll::Ready(error.take().map(|error| Err(error.into()))),
        };
        match data {
            Some(Err(error)) => {
                // Whoever takes it may drop what it has not sent when it hears of this: it gets the time to send it first. Otherwise a
                // client would not see an answer that is cut off, but none.
                *self = Self::Broken(Some(error));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            data => Poll::Ready(data.map(|data| Ok(Frame::data(data?)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Exclusive(lease) => lease.is_none(),
            Self::Overtaken(overtaken) => overtaken.is_over(),
            Self::Shared(shared) => shared.body.is_end_stream(),
            Self::Broken(error) => error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Exclusive(None) => SizeHint::with_exact(0),
            Self::Exclusive(Some(lease)) => exact(lease.left()),
            Self::Overtaken(overtaken) => exact(overtaken.left()),
            Self::Shared(shared) => shared.body.size_hint(),
            Self::Broken(_) => SizeHint::default(),
        }
    }
}

fn exact(left: Option<u64>) -> SizeHint {
    left.map_or_else(SizeHint::default, SizeHint::with_exact)
}

fn poll_exclusive(
    lease: &mut Option<Box<Exclusive>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Error>>> {
    let Some(exclusive) = lease else { return Poll::Ready(None) };
    let data = ready!(exclusive.poll_data(cx));
    let is_over = exclusive.is_answered() && !matches!(data, Some(Err(_)));
    if let Some(lease) = lease.take_if(|_| is_over) {
        lease.release();
    }
    Poll::Ready(data)
}

impl Shared {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.wait.poll(cx, self.timeout));
            if let Some(stream) = &self.stream {
                stream.retire();
            }
            return Poll::Ready(Some(Err(Error::new(Kind::ReadTimeout).into())));
        };
        self.wait.over();
        let is_over = self.body.is_end_stream() || !matches!(&frame, Some(Ok(frame)) if frame.is_data());
        if is_over {
            self.stream = None;
        }
        match frame {
            Some(Ok(frame)) if !frame.is_data() => {
                let trailers = frame.into_trailers().ok().filter(|_| self.trailers);
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(without_framing(trailers)))))
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => Poll::Ready(Some(Err(Error::with(Kind::Broken, error).into()))),
            None => Poll::Ready(None),
        }
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
