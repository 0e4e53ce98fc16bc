//! What the proxy costs beside the sockets.
//!
//! `no_route`: the checks and the router, answered 404. `direct`: hyper's client alone, over a connection to an endpoint on loopback.
//! `forward`: the same exchange through the proxy. The stack's overhead on a request that is forwarded is `forward` less `direct`.
//! `…_logged`: with the access log, to nowhere.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros make public functions; a bench may give up

use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use http::header::HOST;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use ingress_core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{AccessLog, Body, Config, Connection, Proxy, channel};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tower::Service;

/// An endpoint that answers everything with a few bytes.
async fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let answer = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(Response::new(Body::full("hello\n")))
            });
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    address
}

fn proxy(endpoint: SocketAddr) -> Proxy {
    let route = Route::new(
        HostPattern::parse("mywebsite.com").unwrap(),
        PathPattern::prefix("/api").unwrap(),
        Backend::Upstream("api".into()),
    );
    let snapshot =
        Snapshot::builder().upstream(Upstream::new("api", [endpoint])).route(route).build().unwrap();
    // The publisher may go: what it has published stays.
    let (_, subscriber) = channel(snapshot);
    let client = Connection::new(([127, 0, 0, 1], 50_000).into(), 80);
    Proxy::new(subscriber, Config::default()).with_connection(client)
}

fn request(path: &str) -> Request<Body> {
    Request::get(path)
        .header(HOST, "mywebsite.com")
        .header("user-agent", "bench")
        .header("accept", "*/*")
        .header("cookie", "session=0123456789abcdef")
        .body(Body::empty())
        .unwrap()
}

fn stack(criterion: &mut Criterion) {
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let endpoint = runtime.block_on(endpoint());
    let mut proxy = proxy(endpoint);
    let mut group = criterion.benchmark_group("stack");
    group.bench_function("no_route", |bench| {
        bench.iter(|| runtime.block_on(proxy.call(request("/nothing"))).unwrap().status());
    });
    let mut direct = runtime.block_on(async {
        let stream = TcpStream::connect(endpoint).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) =
            hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    });
    group.bench_function("direct", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                direct.ready().await.unwrap();
                let response = direct.send_request(request("/api/v1")).await.unwrap();
                response.into_body().collect().await.unwrap().to_bytes()
            })
        });
    });
    let log = AccessLog::new(std::io::sink()).unwrap();
    let mut logged = proxy.clone().with_observer(log.observer());
    group.bench_function("no_route_logged", |bench| {
        bench.iter(|| runtime.block_on(logged.call(request("/nothing"))).unwrap().status());
    });
    for (name, proxy) in [("forward", &mut proxy), ("forward_logged", &mut logged)] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                runtime.block_on(async {
                    let response = proxy.call(request("/api/v1")).await.unwrap();
                    response.into_body().collect().await.unwrap().to_bytes()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stack);
criterion_main!(benches);
