//! Connections of HTTP/1.1: when one is used again, and when it is let go of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use ingress_proxy::core::policy::{Protocol, Transport};
use ingress_proxy::core::{Snapshot, Upstream};
use ingress_proxy::{Config, Proxy, channel};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::authority::self_signed;
use super::{ask, get, next, post, route, send, whole, within, written};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An endpoint that is played by hand, and a proxy before it that tries once.
async fn played() -> (Proxy, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (before(listener.local_addr().unwrap(), Protocol::Http), listener)
}

fn before(address: SocketAddr, protocol: Protocol) -> Proxy {
    let mut route = route("a.test", Transport::new(protocol));
    route.timeouts.read = Duration::from_secs(10);
    let upstream = Upstream::new("shop/web:8443", [address]);
    let (_, subscriber) = channel(Snapshot::builder().upstream(upstream).route(route).build().unwrap());
    Proxy::new(subscriber, Config::default())
}

async fn accept(listener: &TcpListener) -> TcpStream {
    within("a connection", listener.accept()).await.unwrap().0
}

/// Reads up to the end of a head.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(within("a request", stream.read_u8()).await.unwrap());
    }
    String::from_utf8(seen).unwrap()
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
}

/// One exchange over whatever connection the proxy takes.
async fn exchange(proxy: &Proxy, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let asking = async { whole(ask(proxy, get("/")).await).await.0 };
    let answering = async {
        head(stream).await;
        say(stream, ANSWER).await;
    };
    assert_eq!(tokio::join!(asking, answering).0, "ok");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (proxy, listener) = played().await;
    let asking = tokio::spawn({
        let proxy = proxy.clone();
        async move { whole(ask(&proxy, get("/")).await).await.0 }
    });
    let mut stream = accept(&listener).await;
    assert!(head(&mut stream).await.starts_with("GET / HTTP/1.1\r\n"));
    say(&mut stream, ANSWER).await;
    assert_eq!(asking.await.unwrap(), "ok");
    for _ in 0..3 {
        exchange(&proxy, &mut stream).await;
    }
}

/// A proxy with one idle connection, and its other end.
async fn idle() -> (Proxy, TcpListener, TcpStream) {
    let (proxy, listener) = played().await;
    let asked = tokio::spawn({
        let proxy = proxy.clone();
        async move { whole(ask(&proxy, get("/")).await).await }
    });
    let mut stream = accept(&listener).await;
    head(&mut stream).await;
    say(&mut stream, ANSWER).await;
    asked.await.unwrap();
    (proxy, listener, stream)
}

/// The proxy closes a connection, and not only when it next looks through those that are idle: that is every 15 seconds.
async fn closes(stream: &mut TcpStream) {
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 16])).await;
    // A reset is an end as well.
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
}

#[tokio::test]
async fn what_an_endpoint_closes_is_let_go_of_at_once() {
    let (_proxy, _listener, mut stream) = idle().await;
    stream.shutdown().await.unwrap();
    closes(&mut stream).await;
}

#[tokio::test]
async fn a_connection_that_speaks_unasked_is_not_used_again() {
    let (proxy, listener, mut stream) = idle().await;
    say(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison").await;
    closes(&mut stream).await;
    let asking = tokio::spawn(async move { whole(ask(&proxy, get("/")).await).await.0 });
    let mut second = accept(&listener).await;
    head(&mut second).await;
    say(&mut second, ANSWER).await;
    assert_eq!(asking.await.unwrap(), "ok");
}

#[tokio::test]
async fn what_stands_behind_an_answer_is_never_another() {
    let (proxy, listener) = played().await;
    for _ in 0..2 {
        let asking = tokio::spawn({
            let proxy = proxy.clone();
            async move { whole(ask(&proxy, get("/")).await).await.0 }
        });
        let mut stream = accept(&listener).await;
        head(&mut stream).await;
        say(&mut stream, &[ANSWER, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"].concat()).await;
        assert_eq!(asking.await.unwrap(), "ok");
        closes(&mut stream).await;
    }
}

#[tokio::test]
async fn an_endpoint_may_answer_while_it_is_told() {
    let (proxy, listener) = played().await;
    let (client, body) = written();
    client.send(Bytes::from_static(b"one")).unwrap();
    let answering = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        head(&mut stream).await;
        say(&mut stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for expected in [&b"3\r\none\r\n"[..], b"3\r\ntwo\r\n", b"5\r\nthree\r\n"] {
            let mut heard = vec![0; expected.len()];
            within("a chunk", stream.read_exact(&mut heard)).await.unwrap();
            assert_eq!(heard, expected);
            say(&mut stream, expected).await;
        }
        let mut end = [0; 5];
        within("the end", stream.read_exact(&mut end)).await.unwrap();
        say(&mut stream, &end).await;
        // All of it was said and heard.
        stream
    });
    let request = post("/").version(http::Version::HTTP_11).header("host", "a.test").body(body).unwrap();
    let mut answer = send(&proxy, request).await.into_body();
    assert_eq!(next(&mut answer).await, "one");
    client.send(Bytes::from_static(b"two")).unwrap();
    assert_eq!(next(&mut answer).await, "two");
    client.send(Bytes::from_static(b"three")).unwrap();
    assert_eq!(next(&mut answer).await, "three");
    drop(client);
    assert!(within("the end", answer.frame()).await.is_none());
    let mut stream = answering.await.unwrap();
    exchange(&proxy, &mut stream).await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_connection_along() {
    let (proxy, listener) = played().await;
    let asking = tokio::spawn({
        let proxy = proxy.clone();
        async move { ask(&proxy, get("/")).await }
    });
    let mut stream = accept(&listener).await;
    head(&mut stream).await;
    asking.abort();
    closes(&mut stream).await;
    let asking = tokio::spawn(async move { ask(&proxy, get("/")).await });
    let mut stream = accept(&listener).await;
    head(&mut stream).await;
    say(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n").await;
    drop(asking.await.unwrap());
    closes(&mut stream).await;
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_is_the_clients_fault() {
    let (proxy, listener) = played().await;
    let request = post("/").version(http::Version::HTTP_11).header("host", "a.test");
    let (client, body) = written();
    client.send(Bytes::from_static(b"toolong")).unwrap();
    let request = request.header("content-length", "3").body(body).unwrap();
    assert_eq!(send(&proxy, request).await.status(), StatusCode::BAD_REQUEST);
    let mut heard = Vec::new();
    let _ = within("the end", accept(&listener).await.read_to_end(&mut heard)).await;
    assert!(heard.is_empty(), "{}", heard.escape_ascii());
}

#[tokio::test]
async fn without_a_goodbye_of_tls_an_answer_has_no_end() {
    let tls = TlsAcceptor::from(self_signed("anyone").server(None, &["http/1.1"]));
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let proxy = before(listener.local_addr().unwrap(), Protocol::Https);
    for goodbye in [true, false] {
        let (tls, listener) = (tls.clone(), listener.clone());
        tokio::spawn(async move {
            let mut stream = tls.accept(accept(&listener).await).await.unwrap();
            head(&mut stream).await;
            say(&mut stream, b"HTTP/1.1 200 OK\r\n\r\nall of it?").await;
            if goodbye {
                stream.shutdown().await.unwrap();
            }
        });
        let body = ask(&proxy, get("/")).await.into_body();
        assert_eq!(within("the body", body.collect()).await.is_ok(), goodbye);
    }
}
