//! Finds the route of a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::Response;
use http_body::Body as _;
use ingress_core::policy::{HttpsRedirect, Protocol};
use ingress_core::{HostPattern, Route};
use tower::Service;

use super::check::refusal;
use super::client::{self, Claims};
use super::client_certificate::{self, Refusal, Verdict};
use super::https;
use super::record::{Place, Record};
use super::request::{ClientRequest, Target};
use super::routed::Routed;
use super::view::{Found, RouteTarget, Shared, View};
use crate::body::Body;
use crate::error::{Kind, page};
use crate::upstream::Group;

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

    /// The steps before a request is forwarded, in order: client certificate, route, size, denied route, HTTPS, endpoints.
    fn route(&self, request: &mut ClientRequest) -> Result<(Arc<RouteTarget>, Arc<Group>), Otherwise> {
        let mut view = self.shared.view();
        let (headers, connection) = (request.request.headers(), request.connection.as_ref());
        let forwarded = &view.settings().forwarded;
        request.client = client::address(headers, connection, forwarded);
        request.claims = Claims::of(headers, connection, forwarded);
        let mut record = request.record.take();
        if let Some(record) = &mut record {
            record.sent_by(request.client, request.sent_authority());
        }
        let found = self.admit(&mut view, request, record.as_deref_mut());
        drop(view);
        request.record = record;
        let target = found?;
        if is_too_large(request, &target.route) {
            return Err(Otherwise::Refuse(Kind::BodyTooLarge));
        }
        let redirect = to_https(request, &target.route);
        match (&target.group, redirect) {
            (Err(Kind::Denied), _) => Err(Otherwise::Fail(Kind::Denied)),
            (_, Some(redirect)) => Err(Otherwise::Redirect(redirect)),
            (Err(kind), None) => Err(Otherwise::Fail(*kind)),
            (Ok(_), None) if is_tunnel_to_grpc(request, &target.route) => {
                Err(Otherwise::Refuse(Kind::Protocol))
            }
            (Ok(group), None) => {
                let group = group.clone();
                Ok((target, group))
            }
        }
    }

    /// Host and path to a route, as they are in the current snapshot, for those clients that its host lets in.
    fn admit(
        &self,
        view: &mut View,
        request: &mut ClientRequest,
        mut record: Option<&mut Record>,
    ) -> Result<Arc<RouteTarget>, Otherwise> {
        let (mut target, verdict) = self.look_up(view, request, record.as_deref_mut())?;
        let free = matches!(verdict, Verdict::Free);
        if let Verdict::Closed(refusal) = verdict {
            let route = target.as_ref().map(|target| &target.route);
            let redirects = route.is_some_and(|route| to_https(request, route).is_some());
            if !refusal.gives_way(redirects, route.is_some_and(|route| route.https.exempt)) {
                // To a CONNECT the 200 of a page would mean that the tunnel stands.
                let Some(path) = refusal.path().filter(|_| !request.is_extended_connect()) else {
                    return Err(Otherwise::Closed(refusal));
                };
                client_certificate::send_to(path, request);
                (target, _) = self.look_up(view, request, record)?;
            }
        }
        request.identified = !free;
        // Over HTTP/3 no client is asked for a certificate.
        let http3 = self.shared.alt_svc().filter(|_| free && view.settings().http3);
        request.reply.located(request.connection.as_ref(), request.request.version(), http3);
        target.ok_or(Otherwise::Fail(Kind::NoRoute))
    }

    fn look_up(
        &self,
        view: &mut View,
        request: &ClientRequest,
        record: Option<&mut Record>,
    ) -> Result<(Option<Arc<RouteTarget>>, Verdict), Otherwise> {
        let target = request.target();
        let health_check = target.as_ref().is_ok_and(|target| self.is_health_check(view, target));
        let found = match &target {
            Ok(target) if !health_check => view.find(&target.host, &target.path, self.shared.groups()),
            _ => None,
        };
        if let Some(record) = record {
            record.leads_to(place(view, &target, found.as_ref(), health_check), view.settings());
        }
        match target {
            Err(kind) => Err(Otherwise::Refuse(kind)),
            Ok(_) if health_check => Err(Otherwise::Healthy),
            Ok(target) => {
                let verdict =
                    client_certificate::judge(view.snapshot(), &target.host, request.connection.as_ref());
                Ok((found.map(|found| found.target), verdict))
            }
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
    let host = target.as_ref().map(|target| target.host.clone().into()).unwrap_or_default();
    Place { host, target: found.map(|found| found.target.clone()), default_backend, known_host, health_check }
}

/// A body without a length is counted when it comes.
fn is_too_large(request: &ClientRequest, route: &Route) -> bool {
    route.request_body.max_size.is_some_and(|max| request.request.body().size_hint().lower() > max)
}

/// Where a request that came without TLS is sent.
fn to_https(request: &ClientRequest, route: &Route) -> Option<HttpsRedirect> {
    route.https.redirect.filter(|_| request.scheme() == "http")
}

/// A WebSocket begins with HTTP/1.1, which endpoints of gRPC do not speak.
fn is_tunnel_to_grpc(request: &ClientRequest, route: &Route) -> bool {
    matches!(route.transport.protocol, Protocol::Grpc | Protocol::Grpcs) && request.is_extended_connect()
}

/// What answers where nothing is forwarded.
enum Otherwise {
    /// The request cannot be read in one way, or is more than is allowed.
    Refuse(Kind),
    /// The client may not come in.
    Closed(Refusal),
    /// It is to come by HTTPS.
    Redirect(HttpsRedirect),
    /// There is nothing to forward to.
    Fail(Kind),
    /// The proxy itself was asked for.
    Healthy,
}

impl Otherwise {
    fn answer(self, request: &ClientRequest) -> Response<Body> {
        let version = request.request.version();
        match self {
            Self::Closed(closed) => closed.answer(version),
            Self::Redirect(redirect) => {
                https::redirect(request, redirect).unwrap_or_else(|kind| refusal(kind, version))
            }
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
        match self.route(&mut request) {
            Ok((target, group)) => Either::Right(self.inner.call(Routed { request, target, group })),
            Err(otherwise) => {
                let (answer, settings) = (otherwise.answer(&request), self.shared.settings());
                Either::Left(ready(Ok(request.reply.conclude(request.record, answer, &settings))))
            }
        }
    }
}
