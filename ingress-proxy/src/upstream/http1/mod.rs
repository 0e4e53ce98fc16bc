//! HTTP/1.1 as a client of it: one connection, over which one exchange goes at a time.
//!
//! A connection owns no task. Whoever waits for an answer polls it, and thereby writes what is left of the request and reads what has come;
//! so does whoever takes the answer's body. Between exchanges it only waits for the endpoint to close it.
//!
//! Nothing here knows an endpoint, a pool, a limit of time or a client. An answer that could be read in two ways is an error here, and a
//! connection that has said a byte too much is not used again.

mod chunked;
mod encode;
mod error;
mod framing;
mod head;
mod input;
mod io;
mod output;
mod receive;
mod send;

#[cfg(test)]
mod differential;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(any(test, feature = "fuzzing"))]
mod script;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) use error::Error;
pub(super) use head::Head;
pub(crate) use io::{Io, Raw};

use self::encode::Sending;
use self::framing::Rest;
use self::head::Heads;
use self::input::Input;
use self::output::Output;
use crate::body::Body;

/// A connection to an endpoint.
#[derive(Debug)]
pub(super) struct Connection<T> {
    io: T,
    input: Input,
    output: Output,
    method: Method,
    sending: Sending,
    /// True once a byte of the request has left.
    touched: bool,
    /// True if the endpoint takes no more; it may still answer.
    is_deaf: bool,
    heads: Heads,
    rest: Rest,
    /// The client's body, while the answer overtakes it.
    upload: Option<Body>,
    /// True if the endpoint will take another request, as far as is known.
    keeps_alive: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    pub(super) fn new(io: T) -> Self {
        Self {
            io,
            input: Input::new(),
            output: Output::default(),
            method: Method::GET,
            sending: Sending::Done,
            touched: false,
            is_deaf: false,
            heads: Heads::default(),
            rest: Rest::None,
            upload: None,
            keeps_alive: true,
        }
    }

    /// Begins an exchange, without sending anything yet. The one before must have left the connection [reusable](Self::is_reusable).
    ///
    /// # Errors
    /// [`Error::Length`] if the request's body is not as long as its head says.
    pub(super) fn begin(&mut self, request: &Request<Body>) -> Result<(), Error> {
        self.output.clear();
        self.sending = encode::head(request, self.output.before())?;
        self.method.clone_from(request.method());
        (self.touched, self.is_deaf) = (false, false);
        (self.heads, self.rest) = (Heads::default(), Rest::None);
        // Until an answer says so.
        self.keeps_alive = false;
        Ok(())
    }

    /// Sends the request, its body read from `body`, until there is the head of the answer. Its fields take the place of those in `fields`.
    ///
    /// # Errors
    /// Any [`Error`]; the connection is of no use then.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Body,
        fields: &mut HeaderMap,
    ) -> Poll<Result<Head, Error>> {
        if let Poll::Ready(Err(error)) = self.poll_send(cx, body) {
            return Poll::Ready(Err(error));
        }
        self.poll_receive_head(cx, fields)
    }

    /// Takes what is left of the request's body along, after there is the head of the answer.
    pub(super) fn go_on_with(&mut self, body: &mut Body) {
        if !self.has_sent() {
            self.upload = Some(std::mem::take(body));
        }
    }

    /// True if a part of the request's body is still on its way.
    pub(super) fn is_uploading(&self) -> bool {
        self.upload.is_some()
    }

    /// True if the answer is complete.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.rest, Rest::None)
    }

    /// True if another exchange may begin: the request and the answer are complete, nothing came behind it, and the endpoint agrees.
    pub(super) fn is_reusable(&self) -> bool {
        self.keeps_alive && self.is_answered() && self.has_sent() && self.input.is_empty()
    }

    /// True if nothing has come, not even the end. To be asked while no exchange is under way; otherwise `cx` is woken later.
    pub(super) fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        let mut buf = ReadBuf::new(&mut byte);
        // A task that has done much in one go would be told that nothing is there.
        let read = std::future::poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut buf));
        let read = std::pin::pin!(tokio::task::unconstrained(read)).poll(cx);
        read.is_pending()
    }

    /// Gives back the memory that the next exchange may not need.
    pub(super) fn shrink(&mut self) {
        self.input.shrink();
        self.output.clear();
    }

    /// Says goodbye, as far as that can be done without waiting.
    pub(super) fn close(mut self) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _ = Pin::new(&mut self.io).poll_shutdown(&mut cx);
    }

    /// The connection, after an answer that has switched protocols.
    pub(super) fn into_raw(mut self) -> Raw<T> {
        let first = self.input.take(usize::MAX);
        Raw::new(self.io, first)
    }
}
