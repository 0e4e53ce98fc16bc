//! The proxy in servers that are not its own.
#![allow(clippy::unwrap_used)] // a test may give up anywhere

use std::convert::Infallible;
use std::net::SocketAddr;

use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Connection, Proxy, channel};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

/// An endpoint that answers with the X-Forwarded-For that it got.
async fn endpoint() -> SocketAddr {
    let answer = |request: Request<Incoming>| async move {
        let client = request.headers().get("x-forwarded-for").map(|value| value.as_bytes().to_vec());
        Ok::<_, Infallible>(Response::new(Body::full(client.unwrap_or_default())))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let io = TokioIo::new(stream);
            let serve = hyper::server::conn::http1::Builder::new().serve_connection(io, service_fn(answer));
            tokio::spawn(serve);
        }
    });
    address
}

fn proxy(endpoint: SocketAddr) -> Proxy {
    let route =
        Route::new(HostPattern::Any, PathPattern::prefix("/").unwrap(), Backend::Upstream("u".into()));
    let snapshot = Snapshot::builder().upstream(Upstream::new("u", [endpoint])).route(route).build().unwrap();
    let (_, subscriber) = channel(snapshot);
    Proxy::new(subscriber, Config::default())
}

async fn text<B>(response: Response<B>) -> String
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    assert_eq!(response.status(), StatusCode::OK);
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_plain_hyper_server_on_many_threads() {
    let proxy = proxy(endpoint().await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, client)) = listener.accept().await {
            let proxy = proxy.with_connection(Connection::new(client, address.port()));
            let service = service_fn(move |request: Request<Incoming>| proxy.clone().oneshot(request));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    let clients = (0..16).map(|_| {
        tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            for _ in 0..50 {
                let request = Request::get("/").header(HOST, "a.test").body(Body::empty()).unwrap();
                assert_eq!(text(sender.send_request(request).await.unwrap()).await, "127.0.0.1");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn as_a_service_with_a_body_of_any_type() {
    let proxy = proxy(endpoint().await);
    let client = Connection::new(([192, 0, 2, 1], 1000).into(), 80);
    let body = http_body_util::Full::new(bytes::Bytes::from_static(b"hello"));
    let request = Request::post("/").header(HOST, "a.test").extension(client).body(body).unwrap();
    assert_eq!(text(proxy.clone().oneshot(request).await.unwrap()).await, "192.0.2.1");
    // Nobody says who the client is: then the endpoint is not told.
    let request = Request::get("/").header(HOST, "a.test").header("x-forwarded-for", "1.1.1.1");
    let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
    assert_eq!(text(proxy.oneshot(request).await.unwrap()).await, "");
}
