//! Sends a request to an endpoint, and its answer back.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HOST, HeaderValue, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri, Version};
use http_body::Body as _;
use ingress_core::policy::{Protocol, Timeouts};
use tower::Service;

use super::check::refusal;
use super::headers;
use super::record::Record;
use super::reply::Reply;
use super::request::ClientRequest;
use super::routed::Routed;
use super::upgrade::{Upgrade, is_switch};
use super::view::RouteTarget;
use crate::body::Body;
use crate::error::{Error, Kind, Side, page};
use crate::upstream::{Endpoint, Failed, Group, Lease, Outgoing, Progress, Sent, Tries, Upload};

/// The innermost service.
#[derive(Debug, Clone)]
pub(crate) struct Forward;

/// An answer on its way. The one box of the stack.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Service<Routed> for Forward {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        match prepare(routed) {
            Ok(exchange) => exchange.run(),
            Err(refused) => refused,
        }
    }
}

/// One request on its way to the endpoints of its upstream.
struct Exchange {
    request: Box<Request<Body>>,
    upgrade: Option<Upgrade>,
    hop: Hop,
    tries: Tries,
    record: Option<Box<Record>>,
    reply: Reply,
}

/// What every try has in common.
struct Hop {
    target: Arc<RouteTarget>,
    group: Arc<Group>,
    /// How far the body has come; `None` for a request without one.
    upload: Option<Arc<Progress>>,
    /// What the client speaks.
    version: Version,
}

/// A try that failed.
struct Failure {
    error: Error,
    sent: Sent,
    /// True if the request can be sent again.
    again: bool,
}

/// Makes a request what the endpoints get, or the answer if none can be made of it.
fn prepare(routed: Routed) -> Result<Exchange, Answering> {
    let Routed { request: mut client, target, group } = routed;
    let is_secure = client.connection.as_ref().is_some_and(|connection| connection.is_secure());
    let group = target.secure.as_ref().filter(|_| is_secure).cloned().unwrap_or(group);
    // HTTP/2 has no upgrades: there the request is one like any other.
    let upgrade = if group.is_http2() { None } else { Upgrade::take(&mut client.request) };
    let takes_trailers = group.is_http2() && takes_trailers(client.request.headers());
    headers::towards_endpoint(&mut client, &target.settings, &target.ids);
    let ClientRequest { mut request, mut record, reply, .. } = client;
    let version = request.version();
    if let Some(upgrade) = &upgrade {
        upgrade.ask(&mut request);
    }
    if group.is_http2()
        && let Err(kind) = as_http2(&mut request, &group, takes_trailers)
    {
        let refused = reply.conclude(record, refusal(kind, version), &target.settings);
        return Err(Box::pin(ready(Ok(refused))));
    }
    let upload = (!request.body().is_end_stream()).then(|| Progress::new(request.body()));
    if let Some(progress) = &upload {
        let (timeout, max_size) = (target.settings.client_body_timeout, target.route.request_body.max_size);
        let body = std::mem::take(request.body_mut());
        let upload = Upload::new(body, timeout, max_size, progress.clone());
        *request.body_mut() = Body::upload(if group.is_http2() { upload.shared() } else { upload });
    }
    if let Some(record) = &mut record {
        record.sends(request.headers(), upload.as_ref());
    }
    let tries = Tries::new(target.route.retry, request.method());
    Ok(Exchange { request, upgrade, hop: Hop { target, group, upload, version }, tries, record, reply })
}

/// A target with what would be `Host`, and without that field; `te` if the client takes trailers, for servers of gRPC insist on it.
///
/// # Errors
/// [`Kind::BadRequest`] if a proxy in front of us tells a host that is none.
fn as_http2(request: &mut Request<Body>, group: &Group, takes_trailers: bool) -> Result<(), Kind> {
    *request.version_mut() = Version::HTTP_2;
    let host = request.headers_mut().remove(HOST).ok_or(Kind::BadRequest)?;
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(match group.transport().protocol {
        Protocol::Grpcs => Scheme::HTTPS,
        _ => Scheme::HTTP,
    });
    uri.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    uri.authority = Some(Authority::try_from(host.as_bytes()).map_err(|_| Kind::BadRequest)?);
    *request.uri_mut() = Uri::from_parts(uri).map_err(|_| Kind::BadRequest)?;
    if takes_trailers {
        request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(())
}

fn takes_trailers(headers: &HeaderMap) -> bool {
    let names = |line: &HeaderValue| {
        line.as_bytes()
            .split(|&byte| byte == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    };
    headers.get_all(TE).iter().any(names)
}

impl Exchange {
    /// Tries endpoints until there is an answer. (Not an `async fn`: that would hold all of `self` twice.)
    fn run(self) -> Answering {
        let Self { mut request, upgrade, hop, mut tries, mut record, reply } = self;
        Box::pin(async move {
            let mut tried = Vec::new();
            let response = loop {
                let Some(endpoint) = hop.group.pick(&tried).await else {
                    break page(Kind::NoEndpoint.status());
                };
                if let Some(record) = &mut record {
                    record.try_begins(endpoint.address);
                }
                let failure = match hop.attempt(&endpoint, &mut request, &tries, &mut record).await {
                    Ok((response, lease)) => {
                        break answer(response, lease, upgrade, &hop, &mut record)
                            .unwrap_or_else(|kind| hop.give_up(&endpoint, &kind.into(), &mut record));
                    }
                    Err(failure) => failure,
                };
                let again = failure.again && tries.again(failure.error.kind(), failure.sent, hop.group.len());
                if !again {
                    break hop.give_up(&endpoint, &failure.error, &mut record);
                }
                if let Some(record) = &mut record {
                    record.failed(failure.error.kind());
                }
                tried.push(endpoint);
            };
            Ok(reply.conclude(record, response, &hop.target.settings))
        })
    }
}

impl Hop {
    fn timeouts(&self) -> &Timeouts {
        &self.target.route.timeouts
    }

    /// Sends the request to one endpoint: over idle connections as long as they turn out dead, then over a fresh one.
    async fn attempt(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &mut Request<Body>,
        tries: &Tries,
        record: &mut Option<Box<Record>>,
    ) -> Result<(Response<()>, Lease), Failure> {
        let mut may_reuse = true;
        loop {
            let mut lease = match endpoint.lease(may_reuse, self.timeouts().connect).await {
                Ok(lease) => lease,
                Err(error) => return Err(Failure { error, sent: Sent::Nothing, again: true }),
            };
            if let Some(record) = record.as_mut().filter(|_| !lease.reused()) {
                record.connected();
            }
            let outgoing =
                Outgoing { request: &mut *request, upload: self.upload.as_ref(), timeouts: self.timeouts() };
            let Failed { error, sent, whole, dead } = match lease.send(outgoing).await {
                Ok(response) => {
                    if let Some(record) = record {
                        record.answered(response.status().as_u16());
                    }
                    return Ok((response, lease));
                }
                Err(failed) => failed,
            };
            let again = whole && (sent == Sent::Nothing || tries.may_resend());
            // An idle connection that the endpoint has closed says nothing about the endpoint.
            if !(again && dead && lease.reused()) {
                return Err(Failure { error, sent, again });
            }
            may_reuse = sent == Sent::Nothing;
        }
    }

    fn give_up(
        &self,
        endpoint: &Endpoint,
        error: &Error,
        record: &mut Option<Box<Record>>,
    ) -> Response<Body> {
        if let Some(record) = record {
            record.failed(error.kind());
        }
        if error.kind().side() == Side::Client {
            return refusal(error.kind(), self.version);
        }
        tracing::warn!(upstream = self.group.name(), endpoint = %endpoint.address, %error, "request failed");
        page(error.kind().status())
    }
}

/// Turns an endpoint's answer into the client's.
fn answer(
    mut response: Response<()>,
    mut lease: Lease,
    upgrade: Option<Upgrade>,
    hop: &Hop,
    record: &mut Option<Box<Record>>,
) -> Result<Response<Body>, Kind> {
    headers::towards_client(response.headers_mut(), &hop.target.settings)?;
    *response.version_mut() = Version::HTTP_11;
    if is_switch(&response) {
        // Nobody asked for it: the endpoint and we would disagree about what the bytes behind it are.
        let upgrade = upgrade.ok_or(Kind::BadResponse)?;
        let endpoint = lease.into_raw().ok_or(Kind::BadResponse)?;
        return upgrade.join(response, endpoint, hop.timeouts().read, record);
    }
    if let Some(upgrade) = upgrade {
        upgrade.refused(response.status())?;
        lease.retire();
    }
    let trailers = hop.group.is_http2() && hop.version >= Version::HTTP_2;
    Ok(response.map(|()| lease.into_body(hop.timeouts(), hop.upload.as_ref(), trailers)))
}
