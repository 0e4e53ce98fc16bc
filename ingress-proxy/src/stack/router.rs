//! Finds the route of a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Response, Version};
use tower::Service;

use super::check::refusal;
use super::request::{ClientRequest, Target};
use super::routed::Routed;
use super::view::{Shared, View};
use crate::body::Body;
use crate::error::{Kind, page};

/// The layer that turns a [`ClientRequest`] into a [`Routed`], or answers where there is nothing to forward to.
#[derive(Debug, Clone)]
pub(crate) struct Router<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Router<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// Host and path to a route with its upstream, as they are in the current snapshot.
    fn route(&self, request: ClientRequest) -> Result<Routed, Otherwise> {
        let version = request.request.version();
        let target = request.target().map_err(|kind| Otherwise::Refuse(kind, version))?;
        let mut view = self.shared.view();
        if self.is_health_check(&view, &target) {
            return Err(Otherwise::Healthy);
        }
        let found = view.find(&target.host, &target.path, self.shared.groups());
        drop(view);
        Ok(Routed { target: found.map_err(Otherwise::Fail)?, request })
    }

    /// ingress-nginx answers its health path on the traffic ports too, for hosts that no Ingress names.
    fn is_health_check(&self, view: &View, target: &Target<'_>) -> bool {
        let health = self.shared.config().health_check_path.as_deref();
        health == Some(&target.path) && !view.snapshot().routes.names(&target.host)
    }
}

/// What answers where nothing is forwarded.
enum Otherwise {
    /// The request cannot be read in one way.
    Refuse(Kind, Version),
    /// There is nothing to forward to.
    Fail(Kind),
    /// The proxy itself was asked for.
    Healthy,
}

impl Otherwise {
    fn answer(self) -> Response<Body> {
        match self {
            Self::Refuse(kind, version) => refusal(kind, version),
            Self::Fail(kind) => page(kind.status()),
            Self::Healthy => Response::new(Body::empty()),
        }
    }
}

impl<S> Service<ClientRequest> for Router<S>
where
    S: Service<Routed, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: ClientRequest) -> Self::Future {
        match self.route(request) {
            Ok(routed) => Either::Right(self.inner.call(routed)),
            Err(otherwise) => Either::Left(ready(Ok(otherwise.answer()))),
        }
    }
}
