//! From bytes to requests: one client connection, served by hyper.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use ingress_core::Settings;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower::util::Oneshot;

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

/// Serves one connection to its end. `proxy` answers what never becomes a request that `service` could be given. Each stream of HTTP/2 may
/// wait for `patience` until the client takes more of its answer.
pub(super) async fn serve<T, S>(
    transport: Transport<T>,
    http2: bool,
    (service, proxy): (S, Proxy),
    lifecycle: Arc<Lifecycle>,
    (settings, patience): (&Settings, Duration),
    drain: &CancellationToken,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let last = if settings.keep_alive.is_zero() { 0 } else { settings.keep_alive_requests };
    let service =
        Counted { service, proxy: proxy.clone(), lifecycle: lifecycle.clone(), http1: !http2, last };
    let io = TokioIo::new(transport);
    let ended = if http2 {
        let mut connection = std::pin::pin!(
            http2_builder(settings, Streams::new(patience, lifecycle.clone())).serve_connection(io, service)
        );
        tokio::select! { biased;
            ended = connection.as_mut() => ended,
            () = async { tokio::select! { () = drain.cancelled() => {}, () = lifecycle.worn() => {} } } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut connection = std::pin::pin!(http1_builder().serve_connection(io, service).with_upgrades());
        tokio::select! { biased;
            ended = connection.as_mut() => ended,
            // Only a look around: the transport then waits for the client no longer than during a drain.
            () = drain.cancelled() => connection.await,
        }
    };
    if let Err(error) = ended {
        if error.is_parse() {
            // hyper has refused a head that the framing let pass, and answered itself: what is left to do is to tell of it.
            drop(proxy.refuse(StatusCode::BAD_REQUEST, b""));
        }
        tracing::debug!(%error, "connection ended early");
    }
}

/// hyper's own timer is off: the [`Transport`] bounds each wait.
fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_headers(1000).max_buf_size(64 * 1024);
    builder
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

/// Keeps the [`Lifecycle`] of the connection.
#[derive(Debug)]
struct Counted<S> {
    service: S,
    proxy: Proxy,
    lifecycle: Arc<Lifecycle>,
    http1: bool,
    /// After the answer to the request of this number the connection is closed.
    last: u64,
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
struct Exchange {
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
    enum Answer<F> {
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
