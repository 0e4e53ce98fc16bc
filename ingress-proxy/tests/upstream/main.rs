//! Endpoints that speak TLS and HTTP/2, as the proxy meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may give up anywhere

mod authority;
mod http1;
mod http2;
mod peer;
mod refusals;
mod retries;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::HOST;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use ingress_proxy::core::policy::{Protocol, Transport};
use ingress_proxy::core::snapshot::SnapshotBuilder;
use ingress_proxy::core::tls::UpstreamTls;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Proxy, Publisher, channel};
use tokio::sync::mpsc;
use tower::ServiceExt;

use peer::Peer;

/// Fails where something takes too long; the machine may be busy.
async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// A route for a host to the upstream `shop/web:8443`.
fn route(host: &str, transport: Transport) -> Route {
    let host = HostPattern::parse(host).unwrap();
    let backend = Backend::Upstream("shop/web:8443".into());
    let mut route = Route::new(host, PathPattern::prefix("/").unwrap(), backend);
    route.transport = transport;
    route.retry.tries = 1;
    route
}

fn over(protocol: Protocol, tls: UpstreamTls) -> Transport {
    let mut transport = Transport::new(protocol);
    transport.tls = Arc::new(tls);
    transport
}

fn snapshot(peers: &[&Peer], routes: impl IntoIterator<Item = Route>) -> SnapshotBuilder {
    let addresses = peers.iter().map(|peer| peer.address);
    let builder = Snapshot::builder().upstream(Upstream::new("shop/web:8443", addresses));
    routes.into_iter().fold(builder, SnapshotBuilder::route)
}

/// A proxy with these routes, each to all of these peers.
fn proxy(peers: &[&Peer], routes: impl IntoIterator<Item = Route>) -> (Proxy, Publisher) {
    let (publisher, subscriber) = channel(snapshot(peers, routes).build().unwrap());
    (Proxy::new(subscriber, Config::default()), publisher)
}

/// A proxy with one route for `a.test`.
fn one(peer: &Peer, transport: Transport) -> Proxy {
    proxy(&[peer], [route("a.test", transport)]).0
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header(HOST, "a.test")
}

/// As a client of gRPC asks.
fn post(path: &str) -> http::request::Builder {
    let uri = format!("http://a.test{path}");
    Request::post(uri).version(http::Version::HTTP_2).header("te", "trailers")
}

async fn ask(proxy: &Proxy, request: http::request::Builder) -> Response<Body> {
    send(proxy, request.body(Body::empty()).unwrap()).await
}

async fn send(proxy: &Proxy, request: Request<Body>) -> Response<Body> {
    within("an answer", proxy.clone().oneshot(request)).await.unwrap()
}

/// The whole of an answer: what it says of `names`, its text, and its trailers.
async fn whole(response: Response<Body>) -> (String, Option<HeaderMap>) {
    let body = within("the body", response.into_body().collect()).await.unwrap();
    let trailers = body.trailers().cloned();
    (String::from_utf8(body.to_bytes().to_vec()).unwrap(), trailers)
}

fn said<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A body that is written bit by bit.
fn written() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = stream::unfold(receiver, |mut receiver| async {
        let bytes: Bytes = receiver.recv().await?;
        Some((Ok::<_, std::io::Error>(Frame::data(bytes)), receiver))
    });
    (sender, Body::new(StreamBody::new(frames)))
}

/// The next bytes of a body.
async fn next(body: &mut Body) -> Bytes {
    within("a message", body.frame()).await.unwrap().unwrap().into_data().unwrap()
}
