//! Refuses what is malformed or ambiguous.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, Version};
use tower::Service;

use super::arrival::Arrival;
use super::record::Place;
use super::reply::Reply;
use super::request::ClientRequest;
use super::view::Shared;
use crate::body::Body;
use crate::error::{Kind, page_of};

/// The layer that turns a request into a [`ClientRequest`], or answers 400 or 405.
#[derive(Debug, Clone)]
pub(crate) struct Check<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Check<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

/// A client that has sent one ambiguous request on a connection, or one with a body that is not read, is not listened to there again.
pub(super) fn refusal(kind: Kind, version: Version) -> Response<Body> {
    let mut response = page_of(kind);
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl<S> Service<Arrival> for Check<S>
where
    S: Service<ClientRequest, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, arrival: Arrival) -> Self::Future {
        let Arrival { request, connection, mut record } = arrival;
        let (version, reply) = (request.version(), Reply::to(&request));
        match ClientRequest::check(request, connection) {
            Ok(mut request) => {
                (request.record, request.reply) = (record, reply);
                Either::Right(self.inner.call(request))
            }
            Err(kind) => {
                let settings = self.shared.settings();
                if let Some(record) = &mut record {
                    record.leads_to(Place::default(), &settings);
                }
                Either::Left(ready(Ok(reply.conclude(record, refusal(kind, version), &settings))))
            }
        }
    }
}
