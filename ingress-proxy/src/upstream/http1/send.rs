//! The way of a request to the endpoint.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use super::encode::{self, Sending, WrongLength};
use super::error::Error;
use crate::body::Body;

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Sends what can be sent; ready when there is nothing left to do. That the endpoint takes no more is not an error here: it may have
    /// answered, and whoever reads will see.
    ///
    /// # Errors
    /// Those of the body, and [`Error::Unsent`]. What has gone out is no whole request then.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, body: &mut Body) -> Poll<Result<(), Error>> {
        loop {
            if self.has_sent() || self.is_deaf {
                return Poll::Ready(Ok(()));
            }
            let pulled = self.poll_pull(cx, body)?;
            match ready!(self.output.poll_write(&mut self.io, cx, &mut self.touched)) {
                Ok(()) => ready!(pulled),
                Err(error) if !self.touched => return Poll::Ready(Err(Error::Unsent(error))),
                Err(_) => self.is_deaf = true,
            }
        }
    }

    /// Goes on with what is left of the request's body after the head of the answer; ready when there is nothing left to do. What the
    /// endpoint takes no more is read all the same: a client that is cut off while it sends may never look at its answer.
    ///
    /// # Errors
    /// As [`poll_send`](Self::poll_send).
    pub(in crate::upstream) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(mut upload) = self.upload.take() else { return Poll::Ready(Ok(())) };
        // An endpoint that has said all, and that it will close, does not want the rest.
        self.is_deaf |= self.is_answered() && !self.keeps_alive;
        let mut sent = self.poll_send(cx, &mut upload);
        if self.is_deaf && matches!(sent, Poll::Ready(Ok(()))) {
            sent = poll_discard(cx, &mut upload);
        }
        if sent.is_pending() {
            self.upload = Some(upload);
        }
        sent
    }

    /// True if all of the request is on its way.
    pub(super) fn has_sent(&self) -> bool {
        self.sending.is_done() && self.output.is_empty()
    }

    /// Takes the next piece of the body, if there is room for it. With the last of the bytes that were announced it asks for more, so that a
    /// body that has more is found out before they have left.
    fn poll_pull(&mut self, cx: &mut Context<'_>, body: &mut Body) -> Result<Poll<()>, Error> {
        while !self.sending.is_done() && (self.output.has_room() || self.sending == Sending::Length(0)) {
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else { return Ok(Poll::Pending) };
            match frame {
                // Trailers are no part of what is sent.
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    self.put(data, body.is_end_stream())?;
                }
                Some(Err(error)) => return Err(Error::Body(error)),
                None => self.put(Bytes::new(), true)?,
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Puts a piece of the body on its way, `last` if it is the last one.
    fn put(&mut self, piece: Bytes, last: bool) -> Result<(), WrongLength> {
        match self.sending {
            Sending::Length(left) => {
                let left = left.checked_sub(piece.len() as u64).ok_or(WrongLength)?;
                if last && left > 0 {
                    return Err(WrongLength);
                }
                self.sending = if last { Sending::Done } else { Sending::Length(left) };
                if !piece.is_empty() {
                    self.output.put(piece);
                }
            }
            Sending::Chunked => {
                if !piece.is_empty() {
                    encode::chunk(piece.len(), self.output.before());
                    self.output.end(if last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
                    self.output.put(piece);
                } else if last {
                    self.output.end(b"0\r\n\r\n");
                }
                if last {
                    self.sending = Sending::Done;
                }
            }
            Sending::Done => {}
        }
        Ok(())
    }
}

/// Reads a body to its end, and forgets it.
fn poll_discard(cx: &mut Context<'_>, body: &mut Body) -> Poll<Result<(), Error>> {
    while let Some(frame) = ready!(Pin::new(&mut *body).poll_frame(cx)) {
        frame.map_err(Error::Body)?;
    }
    Poll::Ready(Ok(()))
}
