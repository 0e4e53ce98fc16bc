//! Refuses what is malformed or ambiguous.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use tower::Service;

use super::request::ClientRequest;
use crate::body::Body;
use crate::connection::Connection;
use crate::error::{Kind, page};

/// The layer that turns a request into a [`ClientRequest`], or answers 400 or 405.
#[derive(Debug, Clone)]
pub(crate) struct Check<S> {
    inner: S,
}

impl<S> Check<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// A client that has sent one ambiguous request on a connection is not listened to there again.
pub(super) fn refusal(kind: Kind, version: Version) -> Response<Body> {
    let mut response = page(kind.status());
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl<S> Service<(Request<Body>, Option<Connection>)> for Check<S>
where
    S: Service<ClientRequest, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, (request, connection): (Request<Body>, Option<Connection>)) -> Self::Future {
        let version = request.version();
        match ClientRequest::check(request, connection) {
            Ok(request) => Either::Right(self.inner.call(request)),
            Err(kind) => Either::Left(ready(Ok(refusal(kind, version)))),
        }
    }
}
