//! A connection in use by one request.

use std::sync::{Arc, Weak};

use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};

use super::connect::Room;
use super::pool::{Connection, Endpoint};
use super::shared;
use super::upload::{Progress, Stage};
use crate::body::Body;

/// A connection in use, or a share of one.
pub(crate) enum Lease {
    /// Of HTTP/1.1: dropped, it is closed; [`release`](Self::release) gives it back.
    Exclusive(Exclusive),
    /// Of HTTP/2.
    Shared(Stream),
}

impl Lease {
    /// Sends the request. Dropped before there is an answer, the request is called off.
    pub(crate) fn send(
        &mut self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> + use<> {
        match self {
            Self::Exclusive(lease) => Either::Left(lease.connection.sender.try_send_request(request)),
            Self::Shared(stream) => Either::Right(stream.sender.try_send_request(request)),
        }
    }

    /// True if the connection carried a request before.
    pub(crate) fn reused(&self) -> bool {
        match self {
            Self::Exclusive(lease) => lease.reused,
            Self::Shared(stream) => stream.first.is_none(),
        }
    }

    /// Notes that the head of the answer is there, while this body may still be on its way to the endpoint.
    pub(crate) fn answered(&mut self, upload: Option<Arc<Progress>>) {
        match self {
            Self::Exclusive(lease) => lease.upload = upload,
            Self::Shared(stream) => {
                stream.upload = upload;
                stream.first.iter().for_each(|room| room.look());
            }
        }
    }

    /// Lets the connection carry no further request: what the endpoint makes of it is not certain.
    pub(crate) fn retire(&mut self) {
        match self {
            Self::Exclusive(lease) => lease.endpoint = Weak::new(),
            Self::Shared(stream) => stream.retire(),
        }
    }

    /// Gives the connection back after a whole answer, unless the endpoint answered before it had the whole request, or left its upstream.
    pub(crate) fn release(self) {
        match self {
            Self::Exclusive(lease) => lease.release(),
            Self::Shared(stream) => drop(stream),
        }
    }
}

/// A connection of HTTP/1.1 in use.
pub(crate) struct Exclusive {
    connection: Connection,
    endpoint: Weak<Endpoint>,
    upload: Option<Arc<Progress>>,
    reused: bool,
}

impl Exclusive {
    pub(super) fn new(connection: Connection, endpoint: &Arc<Endpoint>, reused: bool) -> Self {
        Self { connection, endpoint: Arc::downgrade(endpoint), upload: None, reused }
    }

    pub(super) fn sender(&mut self) -> &mut http1::SendRequest<Body> {
        &mut self.connection.sender
    }

    fn release(mut self) {
        let whole = self.upload.is_none_or(|upload| matches!(upload.stage(), Stage::Done(_)));
        if let (true, Some(endpoint)) = (whole, self.endpoint.upgrade()) {
            self.connection.requests += 1;
            endpoint.keep(self.connection);
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
}

impl Stream {
    pub(super) fn new(
        sender: http2::SendRequest<Body>,
        connection: Arc<shared::Connection>,
        endpoint: &Arc<Endpoint>,
        first: Option<Arc<Room>>,
    ) -> Self {
        Self { sender, connection, endpoint: Arc::downgrade(endpoint), upload: None, first }
    }

    fn retire(&self) {
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
