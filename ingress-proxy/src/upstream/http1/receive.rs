//! The way of an answer from the endpoint.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use super::error::Error;
use super::framing::Rest;
use super::head::Head;

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Reads until there is the head of the answer.
    pub(super) fn poll_receive_head(
        &mut self,
        cx: &mut Context<'_>,
        fields: &mut HeaderMap,
    ) -> Poll<Result<Head, Error>> {
        loop {
            let read = ready!(self.poll_fill(cx))?;
            if let Some(mut head) = self.heads.next(&mut self.input, read == 0, &self.method, fields)? {
                self.keeps_alive = head.keeps_alive;
                self.rest = std::mem::replace(&mut head.rest, Rest::None);
                return Poll::Ready(Ok(head));
            }
            if read == 0 {
                return Poll::Ready(Err(Error::Closed));
            }
        }
    }

    /// The next bytes of the answer's body; `None` when it is complete. What is left of the request goes on meanwhile.
    ///
    /// # Errors
    /// Any [`Error`]; the connection is of no use then.
    pub(in crate::upstream) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        if let Poll::Ready(Err(error)) = self.poll_upload(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            if let Some(data) = self.take_data()? {
                return Poll::Ready(Some(Ok(data)));
            }
            if self.is_answered() {
                return Poll::Ready(None);
            }
            if ready!(self.poll_fill(cx))? == 0 {
                if !matches!(self.rest, Rest::UntilClose) {
                    return Poll::Ready(Some(Err(Error::Closed)));
                }
                self.rest = Rest::None;
                self.keeps_alive = false;
            }
        }
    }

    /// What there is of the body; `None` if it is over, or nothing of it is there.
    pub(in crate::upstream) fn take_data(&mut self) -> Result<Option<Bytes>, Error> {
        let data = match &mut self.rest {
            Rest::None => return Ok(None),
            Rest::Length(left) => {
                let data = self.input.take(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= data.len() as u64;
                if *left == 0 {
                    self.rest = Rest::None;
                }
                data
            }
            Rest::UntilClose => self.input.take(usize::MAX),
            Rest::Chunked(chunked) => {
                let data = chunked.take(&mut self.input)?;
                if chunked.is_over() {
                    self.rest = Rest::None;
                }
                data
            }
        };
        Ok(Some(data).filter(|data| !data.is_empty()))
    }

    /// All of the body, if all of it is there, and its length was said.
    pub(in crate::upstream) fn take_all(&mut self) -> Option<Bytes> {
        match self.rest {
            Rest::None => Some(Bytes::new()),
            Rest::Length(left) if left <= self.input.len() as u64 => self.take_data().ok().flatten(),
            _ => None,
        }
    }

    /// How many bytes are still to come, if that is known.
    pub(in crate::upstream) fn left(&self) -> Option<u64> {
        match self.rest {
            Rest::None => Some(0),
            Rest::Length(left) => Some(left),
            Rest::Chunked(_) | Rest::UntilClose => None,
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        self.input.poll_fill(&mut self.io, cx).map_err(Error::Broken)
    }
}
