//! Endpoints that take too long: 504.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use harness::{Harness, Upstream as Endpoint, serve_snapshot};
use ingress_core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::Config;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

const SHORT: Duration = Duration::from_millis(500);

/// Serves every host and path from these addresses, with short timeouts.
async fn impatient(addresses: impl IntoIterator<Item = SocketAddr>) -> Harness {
    let path = PathPattern::prefix("/").expect("a path");
    let mut route = Route::new(HostPattern::Any, path, Backend::Upstream("slow".into()));
    (route.timeouts.connect, route.timeouts.read, route.timeouts.send) = (SHORT, SHORT, SHORT);
    let snapshot = Snapshot::builder().upstream(Upstream::new("slow", addresses)).route(route).build();
    serve_snapshot(snapshot.expect("a snapshot"), Config::default()).await
}

#[tokio::test]
async fn no_answer_is_504() {
    let stalling = Endpoint::stalling().await;
    let harness = impatient([stalling.address()]).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody").await;
    assert_eq!(client.answer().await.status, 504);
    assert_eq!(stalling.count(), 1, "a POST is not tried again");
    stalling.wait_all_closed().await;
}

#[tokio::test]
async fn a_get_is_tried_elsewhere_after_a_timeout() {
    let (stalling, good) = (Endpoint::stalling().await, Endpoint::named("good").await);
    let harness = impatient([stalling.address(), good.address()]).await;
    for _ in 0..4 {
        assert_eq!(harness.get("a.test", "/").await.text(), "good");
    }
    assert!(stalling.count() > 0);
}

#[tokio::test]
async fn endpoints_that_all_stall_are_504() {
    let stalling = [Endpoint::stalling().await, Endpoint::stalling().await];
    let harness = impatient(stalling.each_ref().map(Endpoint::address)).await;
    assert_eq!(harness.get("a.test", "/").await.status, 504);
    stalling[0].wait_all_closed().await;
    stalling[1].wait_all_closed().await;
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_504() {
    // A listener whose queue is full: the system answers no further connection.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    listener.listen(0).expect("a listener");
    let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    let harness = impatient([address]).await;
    assert_eq!(harness.get("a.test", "/").await.status, 504);
}

#[tokio::test]
async fn an_answer_that_keeps_coming_may_take_long() {
    let upstream = Endpoint::script(|mut conn| async move {
        conn.request().await?;
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").await?;
        let mut drip = tokio::time::interval(SHORT / 8);
        for _ in 0..12 {
            drip.tick().await;
            conn.write("x").await?;
        }
        Ok(())
    })
    .await;
    let harness = impatient([upstream.address()]).await;
    let answer = harness.get("a.test", "/").await;
    assert_eq!((answer.status, answer.text()), (200, "xxxxxxxxxxxx"));
}

#[tokio::test]
async fn an_answer_that_stops_coming_is_cut() {
    let upstream = Endpoint::script(|mut conn| async move {
        conn.request().await?;
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await?;
        conn.gone().await;
        Ok(())
    })
    .await;
    let harness = impatient([upstream.address()]).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.closed().await, b"abc");
    upstream.wait_all_closed().await;
}
