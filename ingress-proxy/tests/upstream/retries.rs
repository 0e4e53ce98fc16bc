//! What is tried again, and where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use h2::Reason;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use ingress_proxy::Body;
use ingress_proxy::core::policy::{Protocol, Transport};
use ingress_proxy::core::{Snapshot, Upstream};
use ingress_proxy::{Config, Proxy, channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::authority::self_signed;
use super::peer::{Peer, text};
use super::{ask, get, post, route, send};

/// A proxy with one route that tries twice.
fn trying(addresses: impl IntoIterator<Item = SocketAddr>, protocol: Protocol) -> Proxy {
    let mut route = route("a.test", Transport::new(protocol));
    route.retry.tries = 2;
    route.timeouts.connect = Duration::from_secs(1);
    let upstream = Upstream::new("shop/web:8443", addresses);
    let (_, subscriber) = channel(Snapshot::builder().upstream(upstream).route(route).build().unwrap());
    Proxy::new(subscriber, Config::default())
}

#[tokio::test]
async fn what_was_refused_is_tried_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let peer = Peer::http2(move |_: Request<Incoming>| {
        let first = count.fetch_add(1, SeqCst).is_multiple_of(2);
        async move { if first { Err(h2::Error::from(Reason::REFUSED_STREAM)) } else { text("") } }
    });
    let proxy = trying([peer.await.address], Protocol::Grpc);
    assert_eq!(ask(&proxy, get("/")).await.status(), StatusCode::OK);
    // Nothing was done: then it does not matter that it is not idempotent.
    assert_eq!(send(&proxy, post("/").body(Body::empty()).unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_was_begun_is_not() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let peer = Peer::http2(move |_: Request<Incoming>| {
        counted.fetch_add(1, SeqCst);
        async { Err(h2::Error::from(Reason::INTERNAL_ERROR)) }
    });
    let proxy = trying([peer.await.address], Protocol::Grpc);
    let response = send(&proxy, post("/").body(Body::empty()).unwrap()).await;
    assert_eq!((response.status(), count.load(SeqCst)), (StatusCode::BAD_GATEWAY, 1));
    assert_eq!(ask(&proxy, get("/")).await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(count.load(SeqCst), 3);
}

/// Two endpoints on one port: the first connection is told that nothing of it was looked at.
#[tokio::test]
async fn what_a_goaway_did_not_count_is_tried_again() {
    let peer = Peer::http2(|_| async { text("") }).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let behind = peer.address;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        // Preface, SETTINGS, and the first bytes of the request.
        let mut seen = vec![0; 24 + 9];
        stream.read_exact(&mut seen).await.unwrap();
        while !seen.windows(5).any(|frame| frame[3] == 1 && frame[4] & 4 != 0) {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
        }
        stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        let mut onward = tokio::net::TcpStream::connect(behind).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut second, &mut onward).await;
    });
    let proxy = trying([address], Protocol::Grpc);
    assert_eq!(send(&proxy, post("/").body(Body::empty()).unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handshake_that_fails_is_tried_elsewhere() {
    let good = Peer::http1(Some(self_signed("anyone").server(None, &[]))).await;
    let plain = Peer::http1(None).await;
    let proxy = trying([good.address, plain.address], Protocol::Https);
    for _ in 0..4 {
        assert_eq!(send(&proxy, post("/").body(Body::full("x")).unwrap()).await.status(), StatusCode::OK);
    }
    assert!(plain.connections() > 0);
    assert_eq!(
        ask(&trying([plain.address], Protocol::Https), get("/")).await.status(),
        StatusCode::BAD_GATEWAY
    );
}

#[tokio::test]
async fn a_handshake_has_the_time_of_a_connection() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for protocol in [Protocol::Https, Protocol::Grpcs] {
        let proxy = trying([silent.local_addr().unwrap()], protocol);
        assert_eq!(ask(&proxy, get("/")).await.status(), StatusCode::GATEWAY_TIMEOUT);
    }
}
