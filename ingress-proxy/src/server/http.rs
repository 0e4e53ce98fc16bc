//! From bytes to requests: what hyper calls, and how it serves a connection of HTTP/2. For HTTP/1 see [`http1`](super::http1).

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use ingress_core::Settings;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::drained::Drained;
use super::http2::{Said, Streams, note};
use super::lifecycle::Lifecycle;
use super::transport::Transport;
use crate::body::{Body, BoxError};
use crate::proxy::Proxy;
use crate::stack::Held;

/// A service that a server can serve: a [`Proxy`](crate::Proxy), or layers around one.
pub trait HttpService:
    tower::Service<Request<Body>, Response = Response<Self::Body>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
    /// The body of its answers.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Body = B;
}

/// Serves one connection of HTTP/2 to its end.
pub(super) async fn serve_http2<T, S>(
    transport: Transport<T>,
    service: Counted<S>,
    lifecycle: Arc<Lifecycle>,
    drain: &CancellationToken,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let builder = http2_builder(&service.settings, Streams::new(service.patience, lifecycle.clone()));
    let proxy = service.proxy.clone();
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(transport), service));
    let mut drained = std::pin::pin!(Drained::new(drain));
    let mut ending = false;
    let ended = poll_fn(|cx| {
        drained.as_mut().watch(cx);
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            if ending || !(lifecycle.is_draining() || lifecycle.is_worn()) {
                return Poll::Pending;
            }
            ending = true;
            connection.as_mut().graceful_shutdown();
        }
    });
    if let Err(error) = ended.await {
        tell(&error, &proxy);
    }
}

/// Tells of a connection that ended early.
pub(super) fn tell(error: &hyper::Error, proxy: &Proxy) {
    if error.is_parse() {
        // hyper has refused a head that the framing let pass, and answered itself: what is left to do is to tell of it.
        drop(proxy.refuse(StatusCode::BAD_REQUEST, b""));
    }
    tracing::debug!(%error, "connection ended early");
}

/// The limits of nginx and ingress-nginx: 32 KiB of head, so many streams as are set; windows and resets as hardened elsewhere.
fn http2_builder(settings: &Settings, streams: Streams) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.http2_max_concurrent_streams)
        .max_header_list_size(32 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(64 * 1024)
        .max_local_error_reset_streams(100)
        .enable_connect_protocol();
    builder
}

/// Calls a service, and keeps the [`Lifecycle`] of the connection.
#[derive(Debug)]
pub(super) struct Counted<S> {
    service: S,
    /// Answers what never becomes a request that the service could be given.
    pub(super) proxy: Proxy,
    lifecycle: Arc<Lifecycle>,
    settings: Arc<Settings>,
    /// For how long a stream of HTTP/2 may wait until the client takes more of its answer.
    patience: Duration,
    http1: bool,
    /// After the answer to the request of this number the connection is closed.
    last: u64,
}

impl<S> Counted<S> {
    pub(super) fn new(
        (service, proxy): (S, Proxy),
        lifecycle: Arc<Lifecycle>,
        (settings, patience): (Arc<Settings>, Duration),
        http1: bool,
    ) -> Self {
        let last = if settings.keep_alive.is_zero() { 0 } else { settings.keep_alive_requests };
        Self { service, proxy, lifecycle, settings, patience, http1, last }
    }

    /// How long a client may be silent between two requests.
    pub(super) fn keep_alive(&self) -> Duration {
        self.settings.keep_alive
    }
}

impl<S: HttpService> hyper::service::Service<Request<Incoming>> for Counted<S> {
    type Response = Response<Tracked<S::Body>>;
    type Error = Infallible;
    type Future = Answer<Oneshot<S, Request<Body>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let number = self.lifecycle.begin();
        if number == self.last.max(1) {
            self.lifecycle.wear_out();
        }
        let running = Running { lifecycle: self.lifecycle.clone() };
        if !self.http1 && request.method() == Method::CONNECT {
            // What may become a tunnel goes on when its answer is complete: for so long the connection is not idle.
            self.lifecycle.hold();
            request.extensions_mut().insert(Held::new(Running { lifecycle: self.lifecycle.clone() }));
        }
        let exchange = Exchange { running: Some(running), http1: self.http1, last: number >= self.last };
        match self.lifecycle.refusal(number).filter(|_| self.http1) {
            Some(status) => {
                let page = self.proxy.refuse(status, self.lifecycle.refused_line());
                Answer::Refused { page: Some(page), exchange }
            }
            None => {
                Answer::Running { future: self.service.clone().oneshot(request.map(Body::new)), exchange }
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Exchange {
    running: Option<Running>,
    http1: bool,
    last: bool,
}

impl Exchange {
    fn finish<B>(&mut self, mut response: Response<B>) -> Response<Tracked<B>> {
        if let (true, Some(Running { lifecycle })) = (self.http1, &self.running) {
            let tunnel = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            lifecycle.decide_upgrade(tunnel);
            if !tunnel && (self.last || lifecycle.is_draining()) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        let running = self.running.take();
        response.map(|body| Tracked { body: TrackedBody::Service { body }, _running: running })
    }
}

pin_project! {
    /// The answer to one request.
    #[project = AnswerState]
    pub(super) enum Answer<F> {
        Refused { page: Option<Response<Body>>, exchange: Exchange },
        Running { #[pin] future: F, exchange: Exchange },
    }
}

impl<F, B> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<Tracked<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerState::Refused { page, exchange } => {
                let response = exchange.finish(page.take().unwrap_or_default());
                Poll::Ready(Ok(response.map(|tracked| tracked.into_page())))
            }
            AnswerState::Running { future, exchange } => {
                let Ok(response) = ready!(future.poll(cx));
                Poll::Ready(Ok(exchange.finish(response)))
            }
        }
    }
}

/// Ends the request when it is dropped: with the last byte of its answer, or when the client gave up.
#[derive(Debug)]
struct Running {
    lifecycle: Arc<Lifecycle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifecycle.end();
    }
}

pin_project! {
    /// The body of an answer; while it lives the request counts as running.
    pub(super) struct Tracked<B> {
        #[pin]
        body: TrackedBody<B>,
        _running: Option<Running>,
    }
}

pin_project! {
    #[project = TrackedState]
    enum TrackedBody<B> {
        Service { #[pin] body: B },
        Page { #[pin] body: Body },
    }
}

impl Tracked<Body> {
    /// A page in the place of a service's answer.
    fn into_page<B>(self) -> Tracked<B> {
        let body = match self.body {
            TrackedBody::Service { body } | TrackedBody::Page { body } => TrackedBody::Page { body },
        };
        Tracked { body, _running: self._running }
    }
}

impl<B> http_body::Body for Tracked<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match self.project().body.project() {
            TrackedState::Service { body } => body.poll_frame(cx).map_err(Into::into),
            TrackedState::Page { body } => body.poll_frame(cx).map_err(Into::into),
        };
        note(if matches!(frame, Poll::Ready(Some(_))) { Said::More } else { Said::Nothing });
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            TrackedBody::Service { body } => body.is_end_stream(),
            TrackedBody::Page { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            TrackedBody::Service { body } => body.size_hint(),
            TrackedBody::Page { body } => body.size_hint(),
        }
    }
}
