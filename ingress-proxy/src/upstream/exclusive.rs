//! A connection of HTTP/1.1 in use by one request.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use ingress_core::policy::Timeouts;
use tokio::time::Instant;

use super::fault::Fault;
use super::http1::{Connection, Error as Http1Error, Head, Io, Raw};
use super::pool::Endpoint;
use super::upload::{Progress, Stage};
use super::waiting::{self, Failed, Outgoing};
use crate::body::Body;
use crate::error::{Error, Kind};
use crate::timer::{Deadline, Wait};

/// The connection, with what belongs to it as long as it stands. Dropped, it is closed; [`release`](Self::release) gives it back.
pub(crate) struct Exclusive {
    connection: Connection<Io>,
    is_tls: bool,
    endpoint: Weak<Endpoint>,
    opened: Instant,
    requests: u64,
    read_timeout: Duration,
    /// How long bytes of the endpoint have been awaited. The timer behind it stays from request to request.
    wait: Wait,
    /// Until when the next step of an upload must be done.
    deadline: Deadline,
}

impl Exclusive {
    pub(super) fn new(io: Io, endpoint: &Arc<Endpoint>) -> Box<Self> {
        Box::new(Self {
            is_tls: matches!(io, Io::Tls(_)),
            connection: Connection::new(io),
            endpoint: Arc::downgrade(endpoint),
            opened: Instant::now(),
            requests: 0,
            read_timeout: Duration::ZERO,
            wait: Wait::default(),
            deadline: Deadline::default(),
        })
    }

    /// Sends a request, and waits for the head of its answer. Dropped before that, the connection is closed.
    ///
    /// # Errors
    /// [`Failed`]; the connection carries no further request then.
    pub(super) async fn send(&mut self, outgoing: &mut Outgoing<'_>) -> Result<Response<()>, Failed> {
        self.read_timeout = outgoing.timeouts.read;
        let mut body = Body::empty();
        let sent = match self.connection.begin(outgoing.request) {
            Ok(()) => {
                body = std::mem::take(outgoing.request.body_mut());
                poll_fn(|cx| self.poll_head(cx, &mut body, outgoing)).await
            }
            Err(error) => Err(self.failed(error, outgoing)),
        };
        self.wait.over();
        match sent {
            Ok(head) => {
                self.connection.go_on_with(&mut body);
                Ok(response(head, outgoing))
            }
            Err(failed) => {
                self.retire();
                *outgoing.request.body_mut() = body;
                Err(failed)
            }
        }
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Body,
        outgoing: &mut Outgoing<'_>,
    ) -> Poll<Result<Head, Failed>> {
        match self.connection.poll_head(cx, body, outgoing.request.headers_mut()) {
            Poll::Ready(head) => Poll::Ready(head.map_err(|error| self.failed(error, outgoing))),
            Poll::Pending => {
                let kind =
                    ready!(self.poll_late(cx, outgoing.upload.map(|upload| &**upload), outgoing.timeouts));
                Poll::Ready(Err(Failed::late(kind, outgoing.is_untouched())))
            }
        }
    }

    /// Ready once what is awaited has been awaited for too long.
    pub(super) fn poll_late(
        &mut self,
        cx: &mut Context<'_>,
        upload: Option<&Progress>,
        timeouts: &Timeouts,
    ) -> Poll<Kind> {
        // A body that nobody has read by now has turned out to be empty.
        let Some(upload) = upload.filter(|upload| upload.stage() != Stage::Untouched) else {
            return self.wait.poll(cx, timeouts.read).map(|()| Kind::ReadTimeout);
        };
        let Some((kind, left)) = waiting::left(upload.stage(), timeouts) else { return Poll::Pending };
        // Time that is up is not to be waited for: it would be measured anew, and be up again a moment later.
        if !left.is_zero() {
            ready!(self.deadline.poll(cx, Instant::now() + left));
        }
        Poll::Ready(kind)
    }

    fn failed(&self, error: Http1Error, outgoing: &Outgoing<'_>) -> Failed {
        let fault = Fault::of_http1(&error, self.is_tls);
        // The fields of a malformed answer may have taken the place of the request's.
        let whole = outgoing.is_untouched() && !matches!(error, Http1Error::Malformed(_));
        let error = Error::with(outgoing.at_fault(fault.kind), error);
        let dead = error.kind() == Kind::Broken;
        Failed { error, sent: fault.sent, whole, dead }
    }

    /// True if a part of the request's body is still on its way.
    pub(super) fn is_uploading(&self) -> bool {
        self.connection.is_uploading()
    }

    /// Sends what is left of the request's body; ready when there is nothing left to do.
    pub(super) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connection.poll_upload(cx).map_err(|error| Error::with(Kind::Broken, error))
    }

    /// The next bytes of the answer's body; `None` when it is over.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let Poll::Ready(data) = self.connection.poll_data(cx) else {
            ready!(self.wait.poll(cx, self.read_timeout));
            return Poll::Ready(Some(Err(Kind::ReadTimeout.into())));
        };
        self.wait.over();
        Poll::Ready(data.map(|data| data.map_err(|error| Error::with(Kind::Broken, error))))
    }

    /// The whole body of the answer, if it is there already.
    pub(super) fn take_all(&mut self) -> Option<Bytes> {
        self.connection.take_all()
    }

    /// How much of the body is still to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.connection.left()
    }

    /// True if all of the answer has come.
    pub(super) fn is_answered(&self) -> bool {
        self.connection.is_answered()
    }

    /// True if the connection carried a request before.
    pub(super) fn is_reused(&self) -> bool {
        self.requests > 0
    }

    /// Lets the connection carry no further request.
    pub(super) fn retire(&mut self) {
        self.endpoint = Weak::new();
    }

    /// Gives the connection back, if it can carry another request, and its endpoint is still one of its upstream.
    pub(super) fn release(mut self: Box<Self>) {
        if let (true, Some(endpoint)) = (self.connection.is_reusable(), self.endpoint.upgrade()) {
            self.requests += 1;
            endpoint.keep(self);
        } else {
            self.close();
        }
    }

    /// Closes the connection in good order: TLS says goodbye.
    pub(super) fn close(self: Box<Self>) {
        if self.is_tls {
            self.connection.close();
        }
    }

    /// The connection, when it has stopped being HTTP.
    pub(super) fn into_raw(self: Box<Self>) -> Raw<Io> {
        self.connection.into_raw()
    }

    /// True if an idle connection is still open, and nothing came that nobody has asked for; else `cx` is woken.
    pub(super) fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        self.connection.is_silent(cx)
    }

    /// Gives back the memory that an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        self.connection.shrink();
    }

    /// When the connection was opened, and how many requests it has carried.
    pub(super) fn wear(&self) -> (Instant, u64) {
        (self.opened, self.requests)
    }
}

/// The answer, in whose fields the map of the request's goes on.
fn response(head: Head, outgoing: &mut Outgoing<'_>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = std::mem::take(outgoing.request.headers_mut());
    if let Some(reason) = head.reason {
        response.extensions_mut().insert(reason);
    }
    response
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").field("requests", &self.requests).finish_non_exhaustive()
    }
}
