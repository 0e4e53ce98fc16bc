//! Finds the route of a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Response, Version};
use http_body::Body as _;
use ingress_core::{HostPattern, Route};
use tower::Service;

use super::check::refusal;
use super::client;
use super::record::{Place, Record, conclude};
use super::request::{ClientRequest, Target};
use super::routed::Routed;
use super::view::{Found, RouteTarget, Shared, View};
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

    /// Host and path to a route, as they are in the current snapshot.
    fn route(&self, request: &mut ClientRequest) -> Result<Arc<RouteTarget>, Otherwise> {
        let mut view = self.shared.view();
        let forwarded = &view.settings().forwarded;
        request.client = client::address(request.request.headers(), request.connection.as_ref(), forwarded);
        let mut record = request.record.take();
        if let Some(record) = &mut record {
            record.sent_by(request.client, request.sent_authority());
        }
        let found = self.look_up(&mut view, request, record.as_deref_mut());
        drop(view);
        request.record = record;
        let target = found?;
        match is_too_large(request, &target.route) {
            true => Err(Otherwise::Refuse(Kind::BodyTooLarge)),
            false => Ok(target),
        }
    }

    fn look_up(
        &self,
        view: &mut View,
        request: &ClientRequest,
        record: Option<&mut Record>,
    ) -> Result<Arc<RouteTarget>, Otherwise> {
        let target = request.target();
        let health_check = target.as_ref().is_ok_and(|target| self.is_health_check(view, target));
        let found = match &target {
            Ok(target) if !health_check => view.find(&target.host, &target.path, self.shared.groups()),
            _ => None,
        };
        if let Some(record) = record {
            record.leads_to(place(view, &target, found.as_ref(), health_check), view.settings());
        }
        match (target, found) {
            (Err(kind), _) => Err(Otherwise::Refuse(kind)),
            (Ok(_), Some(found)) => Ok(found.target),
            (Ok(_), None) if health_check => Err(Otherwise::Healthy),
            (Ok(_), None) => Err(Otherwise::Fail(Kind::NoRoute)),
        }
    }

    /// ingress-nginx answers its health path on the traffic ports too, for hosts that no Ingress names.
    fn is_health_check(&self, view: &View, target: &Target<'_>) -> bool {
        let health = self.shared.config().health_check_path.as_deref();
        health == Some(&target.path) && !view.snapshot().routes.names(&target.host)
    }
}

fn place(view: &View, target: &Result<Target<'_>, Kind>, found: Option<&Found>, health_check: bool) -> Place {
    // A rule for all hosts is found only where none names the host.
    let known_host = match found.filter(|found| !found.default) {
        Some(found) => found.target.route.host != HostPattern::Any,
        None => target.as_ref().is_ok_and(|target| view.snapshot().routes.names(&target.host)),
    };
    let default_backend = target.is_ok() && !health_check && found.is_none_or(|found| found.default);
    Place { target: found.map(|found| found.target.clone()), default_backend, known_host, health_check }
}

/// A body without a length is counted when it comes.
fn is_too_large(request: &ClientRequest, route: &Route) -> bool {
    route.request_body.max_size.is_some_and(|max| request.request.body().size_hint().lower() > max)
}

/// What answers where nothing is forwarded.
enum Otherwise {
    /// The request cannot be read in one way, or is more than is allowed.
    Refuse(Kind),
    /// There is nothing to forward to.
    Fail(Kind),
    /// The proxy itself was asked for.
    Healthy,
}

impl Otherwise {
    fn answer(self, version: Version) -> Response<Body> {
        match self {
            Self::Refuse(kind) => refusal(kind, version),
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

    fn call(&mut self, mut request: ClientRequest) -> Self::Future {
        let found = self.route(&mut request).and_then(|target| {
            let group = target.group.clone().map_err(Otherwise::Fail)?;
            Ok((target, group))
        });
        match found {
            Ok((target, group)) => Either::Right(self.inner.call(Routed { request, target, group })),
            Err(otherwise) => {
                let answer = otherwise.answer(request.request.version());
                Either::Left(ready(Ok(conclude(request.record, answer, &self.shared.settings()))))
            }
        }
    }
}
