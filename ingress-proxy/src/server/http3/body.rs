//! The body of a request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::server::RequestStream;
use http_body::{Frame, SizeHint};

use super::guard::RecvStream;
use crate::body::BoxError;

/// What a client sends after a head. Trailers are read and dropped, as those of HTTP/1 are.
pub(super) struct RequestBody {
    stream: RequestStream<RecvStream, Bytes>,
    /// What was read to learn whether there is a body.
    first: Option<Bytes>,
    /// How much is to come, where the head says so.
    left: Option<u64>,
    ended: bool,
}

/// What was sent is not what was said.
#[derive(Debug, thiserror::Error)]
enum Lie {
    #[error("the body is shorter than its content-length: {0} bytes are missing")]
    Short(u64),
    #[error("the body is longer than its content-length")]
    Long,
}

impl RequestBody {
    /// A body of so many bytes, or as many as come.
    pub(super) fn new(stream: RequestStream<RecvStream, Bytes>, length: Option<u64>) -> Self {
        Self { stream, first: None, left: length, ended: false }
    }

    /// Waits until it is known whether the body is empty.
    ///
    /// # Errors
    /// If the client gave the request up.
    pub(super) async fn look(&mut self) -> Result<(), BoxError> {
        self.first = std::future::poll_fn(|cx| self.poll_data(cx)).await?;
        Ok(())
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Ok(Some(first)));
        }
        if self.ended {
            return Poll::Ready(Ok(None));
        }
        let data =
            ready!(self.stream.poll_recv_data(cx))?.map(|mut data| data.copy_to_bytes(data.remaining()));
        match (&data, &mut self.left) {
            (Some(data), Some(left)) => {
                *left = left.checked_sub(data.len() as u64).ok_or(Lie::Long)?;
            }
            (None, Some(left @ 1..)) => return Poll::Ready(Err(Lie::Short(*left).into())),
            (None, _) => self.ended = true,
            _ => {}
        }
        Poll::Ready(Ok(data))
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(ready!(self.poll_data(cx)).map(|data| data.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.first.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        match self.left {
            Some(left) => SizeHint::with_exact(first + left),
            None if self.ended => SizeHint::with_exact(first),
            None => SizeHint::default(),
        }
    }
}

/// Lets the client know that the rest is of no use: what it has got as an answer is whole all the same.
impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended {
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}
