//! The service that an embedder mounts.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use ingress_core::Settings;
use ingress_core::policy::Transport;
use ingress_core::stream::Stream;
use ingress_core::tls::Passthrough;
use tower::Service;

use crate::body::{Body, BoxError};
use crate::config::Config;
use crate::connection::Connection;
use crate::observe::{FinishedStream, Observer};
use crate::snapshot::Subscriber;
use crate::stack::{Observers, Shared, Stack, refused, stack};
use crate::upstream::Group;

/// A reverse proxy. Every failure is a response; it is always ready.
///
/// Clones share the view of the snapshot and the connections to endpoints. A server with several threads does best with a proxy of its own
/// for each, as [`Server`](crate::Server) has; clones of one on many threads are correct, and share some short locks.
///
/// Mounted elsewhere than in [`Server`](crate::Server), it takes the client's address from a [`Connection`] in the extensions of the request.
/// It must run inside a tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct Proxy {
    stack: Stack,
    shared: Arc<Shared>,
    connection: Option<Connection>,
}

impl Proxy {
    /// A proxy that serves whatever is published to `subscriber`.
    #[must_use]
    pub fn new(subscriber: Subscriber, config: Config) -> Self {
        let shared: Arc<Shared> = Shared::new(subscriber, config);
        Self { stack: stack(&shared), shared, connection: None }
    }

    /// Tells `observer` of each request that this proxy, or a clone of it that is made from now on, has answered.
    #[must_use]
    pub fn with_observer(mut self, observer: Box<dyn Observer>) -> Self {
        self.stack.observe(Observers::new(observer));
        self
    }

    /// A clone for the requests of one connection.
    #[must_use]
    pub fn with_connection(&self, connection: Connection) -> Self {
        Self { stack: self.stack.clone(), shared: self.shared.clone(), connection: Some(connection) }
    }

    /// The current settings: a copy that belongs to this proxy.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.shared.settings()
    }

    /// Where a stream leads now, and the endpoints. Both are of one snapshot: the listener may not have heard yet that its stream leads
    /// elsewhere, while the upstream that it knows is gone already.
    pub(crate) fn stream(&self, stream: &Stream) -> (Arc<str>, Option<Arc<Group>>) {
        let view = self.shared.view();
        let snapshot = view.snapshot();
        let is_it = |now: &&Stream| (now.protocol, now.port) == (stream.protocol, stream.port);
        let upstream = &snapshot.streams.iter().find(is_it).unwrap_or(stream).upstream;
        let group = self.shared.groups().get(upstream, &Transport::default(), &snapshot.upstreams);
        (upstream.clone(), group)
    }

    /// Where connections for a name are passed on to now, and the endpoints, both of one snapshot; `earlier` if they no longer are.
    pub(crate) fn passthrough(&self, name: &str, earlier: Passthrough) -> (Passthrough, Option<Arc<Group>>) {
        let view = self.shared.view();
        let snapshot = view.snapshot();
        let to = snapshot.tls.passthrough(&snapshot.routes, name).cloned().unwrap_or(earlier);
        let group = self.shared.groups().get(&to.upstream, &Transport::default(), &snapshot.upstreams);
        (to, group)
    }

    /// Tells the observer of a stream; `finished` is called only if there is one, with whether the access log is to have it.
    pub(crate) fn observe_stream<'s>(&self, finished: impl FnOnce(bool) -> FinishedStream<'s>) {
        if let Some(observers) = &self.stack.observers {
            let log = self.settings().access_log.streams;
            observers.stream_finished(&finished(log));
        }
    }

    /// The answer to a head that was refused before it was read as a request; `line` is what there is of its first line.
    pub(crate) fn refuse(&self, status: StatusCode, line: &[u8]) -> Response<Body> {
        refused(&self.stack, &self.shared, self.connection.as_ref(), status, line)
    }
}

impl<B> Service<Request<B>> for Proxy
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ProxyFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ProxyFuture {
        // In a box from here on: it is handed down many times.
        let request = Box::new(request.map(Body::new));
        let connection = self.connection.clone().or_else(|| request.extensions().get().cloned());
        ProxyFuture { inner: self.stack.call((request, connection)) }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// The answer to one request.
#[must_use = "a request is forwarded only while its future is polled"]
pub struct ProxyFuture {
    inner: <Stack as Service<(Box<Request<Body>>, Option<Connection>)>>::Future,
}

impl Future for ProxyFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

impl fmt::Debug for ProxyFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyFuture").finish_non_exhaustive()
    }
}
