//! A connection in use by one request.

use std::sync::{Arc, Weak};

use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use ingress_core::policy::Timeouts;

use super::answer::Answer;
use super::connect::Room;
use super::exclusive::Exclusive;
use super::fault::Fault;
use super::http1::{Io, Raw};
use super::overtaken::{self, Overtaken};
use super::pool::Endpoint;
use super::shared;
use super::upload::{Progress, Stage};
use super::waiting::{Failed, Outgoing, awaited};
use crate::body::Body;
use crate::error::{Error, Kind};

/// A connection in use, or a share of one.
pub(crate) enum Lease {
    /// Of HTTP/1.1: dropped, it is closed.
    Exclusive(Box<Exclusive>),
    /// Of HTTP/2.
    Shared(Stream),
}

impl Lease {
    /// Sends the request, and waits for the head of its answer. Dropped before that, the request is called off.
    ///
    /// # Errors
    /// [`Failed`]; the connection carries no further request if it is to blame.
    pub(crate) async fn send(&mut self, mut outgoing: Outgoing<'_>) -> Result<Response<()>, Failed> {
        match self {
            Self::Exclusive(lease) => lease.send(&mut outgoing).await,
            Self::Shared(stream) => Box::pin(stream.send(&mut outgoing)).await,
        }
    }

    /// True if the connection carried a request before.
    pub(crate) fn reused(&self) -> bool {
        match self {
            Self::Exclusive(lease) => lease.is_reused(),
            Self::Shared(stream) => stream.first.is_none(),
        }
    }

    /// Lets the connection carry no further request: what the endpoint makes of it is not certain.
    pub(crate) fn retire(&mut self) {
        match self {
            Self::Exclusive(lease) => lease.retire(),
            Self::Shared(stream) => stream.retire(),
        }
    }

    /// The body of the answer whose head has come; the read timeout bounds the time between two reads from the endpoint. With its last byte
    /// the connection is given back, unless the endpoint left its upstream. What is left of the request's body, of which `upload` tells, goes
    /// on its way whether the answer is taken or not.
    pub(crate) fn into_body(
        self,
        timeouts: &Timeouts,
        upload: Option<&Arc<Progress>>,
        trailers: bool,
    ) -> Body {
        match self {
            Self::Exclusive(mut lease) => {
                let upload = upload.filter(|_| lease.is_uploading());
                match (lease.take_all(), upload.cloned()) {
                    (Some(body), None) => {
                        lease.release();
                        Body::full(body)
                    }
                    (Some(body), Some(upload)) => {
                        tokio::spawn(overtaken::finish(lease, upload, *timeouts));
                        Body::full(body)
                    }
                    (None, None) => Body::answer(Answer::Exclusive(Some(lease))),
                    (None, Some(upload)) => {
                        Body::answer(Answer::Overtaken(Overtaken::start(lease, upload, *timeouts)))
                    }
                }
            }
            Self::Shared(mut stream) => match stream.body.take() {
                Some(body) if !body.is_end_stream() => {
                    Body::answer(Answer::shared(body, stream, timeouts.read, trailers))
                }
                _ => Body::empty(),
            },
        }
    }

    /// The connection after an answer that has switched protocols; `None` if it is not one that can.
    pub(crate) fn into_raw(self) -> Option<Raw<Io>> {
        match self {
            Self::Exclusive(lease) => Some(lease.into_raw()),
            Self::Shared(_) => None,
        }
    }
}

/// A share in a connection of HTTP/2.
pub(crate) struct Stream {
    sender: http2::SendRequest<Body>,
    connection: Arc<shared::Connection>,
    endpoint: Weak<Endpoint>,
    upload: Option<Arc<Progress>>,
    /// For the first request on a connection: when it is answered, the endpoint has said what it takes.
    first: Option<Arc<Room>>,
    /// The body of the answer, once there is one.
    body: Option<Incoming>,
}

impl Stream {
    pub(super) fn new(
        sender: http2::SendRequest<Body>,
        connection: Arc<shared::Connection>,
        endpoint: &Arc<Endpoint>,
        first: Option<Arc<Room>>,
    ) -> Self {
        Self { sender, connection, endpoint: Arc::downgrade(endpoint), upload: None, first, body: None }
    }

    async fn send(&mut self, outgoing: &mut Outgoing<'_>) -> Result<Response<()>, Failed> {
        // HTTP/2 can tell that nothing was done, also after all was sent.
        let keeps = outgoing.upload.is_none();
        let request = if keeps { copy(outgoing.request) } else { std::mem::take(outgoing.request) };
        let sending = self.sender.try_send_request(request);
        match awaited(sending, outgoing.upload.map(|upload| &**upload), outgoing.timeouts).await {
            Ok(Ok(response)) => {
                self.upload = outgoing.upload.cloned();
                self.first.iter().for_each(|room| room.look());
                let (head, body) = response.into_parts();
                self.body = Some(body);
                Ok(Response::from_parts(head, ()))
            }
            Ok(Err(mut unsent)) => {
                let request = unsent.take_message();
                let error = unsent.into_error();
                let fault = Fault::of(&error, request.is_some());
                let error = Error::with(outgoing.at_fault(fault.kind), error);
                let dead = fault.connection && error.kind() == Kind::Broken;
                if fault.connection {
                    self.retire();
                }
                let whole = keeps || request.is_some();
                if let Some(request) = request {
                    *outgoing.request = request;
                }
                Err(Failed { error, sent: fault.sent, whole, dead })
            }
            Err(kind) => {
                self.retire();
                Err(Failed::late(kind, keeps))
            }
        }
    }

    pub(super) fn retire(&self) {
        if let Some(shared) = self.endpoint.upgrade().as_ref().and_then(|endpoint| endpoint.shared()) {
            shared.retire(&self.connection);
        }
    }

    /// Calls the rest of a request off whose answer is over. Only what waits for the client hears of it; what waits for the endpoint to
    /// take more ends with the connection.
    fn call_off(&self, upload: &Progress) {
        upload.call_off();
        if !matches!(upload.stage(), Stage::AwaitsClient) {
            self.connection.is_stuck();
            self.retire();
        }
    }
}

/// A second copy of a request without a body.
fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.version_mut() = request.version();
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take().filter(|upload| !upload.is_over()) {
            self.call_off(&upload);
        }
        if let Some(endpoint) = self.endpoint.upgrade()
            && let Some(shared) = endpoint.shared()
        {
            shared.end(&self.connection, endpoint.pool());
        }
    }
}
