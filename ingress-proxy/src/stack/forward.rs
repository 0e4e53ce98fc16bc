//! Sends a request to an endpoint, and its answer back.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TE, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use ingress_core::policy::{Protocol, Timeouts};
use tokio::time::{sleep, timeout};
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
use crate::upstream::{Answer, Endpoint, Fault, Group, Lease, Progress, Sent, Stage, Tries, Upload};

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
    /// The request, if it can be sent again.
    request: Option<Box<Request<Body>>>,
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
    if group.is_http2() {
        if let Err(kind) = as_http2(&mut request, &group, takes_trailers) {
            let refused = reply.conclude(record, refusal(kind, version), &target.settings);
            return Err(Box::pin(ready(Ok(refused))));
        }
    } else {
        as_http1(&mut request);
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

/// A target without host: that is in `Host`. And a word about a body of which nobody knows the length: without it hyper would send none where
/// it is used to none, as with GET.
fn as_http1(request: &mut Request<Body>) {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
    }
    let body = request.body();
    let unknown = !body.is_end_stream() && body.size_hint().exact().is_none();
    if unknown && !request.headers().contains_key(CONTENT_LENGTH) {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
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
                let failure = match hop.attempt(&endpoint, request, &tries, &mut record).await {
                    Ok((response, lease)) => {
                        break answer(response, lease, upgrade, &hop, &mut record)
                            .unwrap_or_else(|kind| hop.give_up(&endpoint, &kind.into(), &mut record));
                    }
                    Err(failure) => failure,
                };
                match failure.request {
                    Some(again) if tries.again(failure.error.kind(), failure.sent, hop.group.len()) => {
                        request = again;
                    }
                    _ => break hop.give_up(&endpoint, &failure.error, &mut record),
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
        mut request: Box<Request<Body>>,
        tries: &Tries,
        record: &mut Option<Box<Record>>,
    ) -> Result<(Response<Incoming>, Lease), Failure> {
        let mut may_reuse = true;
        loop {
            let mut lease = match endpoint.lease(may_reuse, self.timeouts().connect).await {
                Ok(lease) => lease,
                Err(error) => return Err(Failure { error, sent: Sent::Nothing, request: Some(request) }),
            };
            if let Some(record) = record.as_mut().filter(|_| !lease.reused()) {
                record.connected();
            }
            // HTTP/2 can tell that nothing was done, also after all was sent.
            let copies = self.upload.is_none() && (tries.may_resend() || self.group.is_http2());
            let copy = copies.then(|| copy(&request));
            let (failure, dead) = match self.send(&mut lease, request).await {
                Ok(response) => {
                    if let Some(record) = record {
                        record.answered(response.status().as_u16());
                    }
                    return Ok((response, lease));
                }
                Err(failure) => failure,
            };
            let copy = copy.filter(|_| failure.sent == Sent::Nothing || tries.may_resend());
            // An idle connection that the endpoint has closed says nothing about the endpoint.
            match failure.request.or(copy) {
                Some(again) if dead && lease.reused() => request = again,
                again => return Err(Failure { request: again, ..failure }),
            }
            may_reuse = failure.sent == Sent::Nothing;
        }
    }

    /// Sends the request over one connection. A failure comes with whether the connection itself has ended.
    async fn send(
        &self,
        lease: &mut Lease,
        request: Box<Request<Body>>,
    ) -> Result<Response<Incoming>, (Failure, bool)> {
        let mut sending = std::pin::pin!(lease.send(*request));
        let answered = match &self.upload {
            None => timeout(self.timeouts().read, sending.as_mut()).await.map_err(|_| Kind::ReadTimeout),
            Some(upload) => Box::pin(with_upload(sending, upload, self.timeouts())).await,
        };
        match answered {
            Ok(Ok(response)) => {
                lease.answered(self.upload.clone());
                Ok(response)
            }
            Ok(Err(mut unsent)) => {
                let request = unsent.take_message().map(Box::new);
                let error = unsent.into_error();
                let fault = Fault::of(&error, request.is_some());
                let error = Error::with(self.at_fault(fault.kind), error);
                let dead = fault.connection && error.kind() == Kind::Broken;
                if fault.connection {
                    lease.retire();
                }
                Err((Failure { error, sent: fault.sent, request }, dead))
            }
            Err(kind) => {
                lease.retire();
                Err((Failure { error: kind.into(), sent: Sent::Perhaps, request: None }, false))
            }
        }
    }

    /// The kind of a failure: where the client's body has failed, it is that.
    fn at_fault(&self, kind: Kind) -> Kind {
        match self.upload.as_ref().map(|upload| upload.stage()) {
            Some(Stage::Failed(kind)) => kind,
            _ => kind,
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

/// Waits for the answer to a request with a body: while the body goes out the endpoint must keep taking it, and when it is out the time
/// for the answer begins. What the client owes is bounded by the [`Upload`] itself.
async fn with_upload<F: Future>(
    sending: F,
    upload: &Progress,
    timeouts: &Timeouts,
) -> Result<F::Output, Kind> {
    let mut sending = std::pin::pin!(sending);
    let mut wait = timeouts.send.min(timeouts.read);
    loop {
        tokio::select! { biased;
            answered = &mut sending => return Ok(answered),
            () = sleep(wait) => {}
        }
        let (kind, limit, since) = match upload.stage() {
            Stage::AwaitsEndpoint(since) => (Kind::SendTimeout, timeouts.send, since),
            Stage::Done(since) => (Kind::ReadTimeout, timeouts.read, since),
            Stage::Untouched => return Err(Kind::SendTimeout),
            Stage::AwaitsClient | Stage::Failed(_) => (Kind::SendTimeout, timeouts.send, Duration::ZERO),
        };
        wait = limit.saturating_sub(since);
        if wait.is_zero() {
            return Err(kind);
        }
    }
}

/// A second copy of a request without a body.
fn copy(request: &Request<Body>) -> Box<Request<Body>> {
    let mut copy = Box::new(Request::new(Body::empty()));
    *copy.version_mut() = request.version();
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Turns an endpoint's answer into the client's.
fn answer(
    mut response: Response<Incoming>,
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
        return upgrade.join(response, hop.timeouts().read, record);
    }
    if let Some(upgrade) = upgrade {
        upgrade.refused(response.status())?;
        lease.retire();
    }
    Ok(response.map(|body| {
        if body.is_end_stream() {
            lease.release();
            Body::empty()
        } else {
            let answer = Answer::new(body, lease, hop.timeouts().read);
            let trailers = hop.group.is_http2() && hop.version >= Version::HTTP_2;
            Body::answer(if trailers { answer.with_trailers() } else { answer })
        }
    }))
}
