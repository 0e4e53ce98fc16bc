//! One thing at a time.

use std::time::Duration;

use harness::{Gate, Harness, Upstream, serve_one};
use ingress_proxy::Config;
use tokio::time::Instant;

use super::{PATIENCE, draining, ended};

const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// An endpoint that answers in two parts, the second when the gate is open.
async fn slow(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::script(move |mut conn| {
        let gate = gate.clone();
        async move {
            while conn.request().await?.is_some() {
                gate.passed().await;
                conn.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await?;
            }
            Ok(())
        }
    })
    .await
}

#[tokio::test]
async fn a_request_that_is_served_gets_its_answer() {
    let gate = Gate::default();
    let upstream = slow(&gate).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(GET).await;
    upstream.wait_requests(1).await;
    let drained = draining(harness, PATIENCE).await;
    gate.open();
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "done"));
    assert_eq!(client.closed().await, b"");
    assert_eq!(ended(drained).await.cut, 0);
}

#[tokio::test]
async fn an_answer_that_flows_flows_to_its_end() {
    let (upstream, gate) = Upstream::in_two_parts().await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(GET).await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.chunk().await.as_deref(), Some(&b"first"[..]));
    let drained = draining(harness, PATIENCE).await;
    gate.open();
    assert_eq!(client.chunk().await.as_deref(), Some(&b"last"[..]));
    assert_eq!(client.chunk().await, None);
    assert_eq!(ended(drained).await.cut, 0);
}

#[tokio::test]
async fn an_upload_is_taken_to_its_end() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nfirst").await;
    upstream.wait_bytes(0, "first").await;
    let drained = draining(harness, PATIENCE).await;
    client.send("last").await;
    assert_eq!(client.answer().await.text(), "web");
    assert_eq!(upstream.only_request().body, b"firstlast");
    assert_eq!(ended(drained).await.cut, 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_at_once() {
    let upstream = Upstream::named("web").await;
    let mut config = Config::default();
    config.drain_idle = Duration::from_secs(3);
    let harness = serve_one(&upstream, config).await;
    let (mut used, mut idle) = (harness.connect().await, harness.connect().await);
    for client in [&mut used, &mut idle] {
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    }
    let drained = draining(harness, PATIENCE).await;
    // As if it had been on its way when the drain began.
    let mut told = false;
    for _ in 0..50 {
        used.send(GET).await;
        let answer = used.answer().await;
        assert_eq!(answer.status, 200);
        told = answer.head.lists("connection", "close");
        if told {
            break;
        }
    }
    assert!(told, "50 answers, and none says that the connection ends");
    assert_eq!(used.closed().await, b"");
    assert_eq!(idle.closed().await, b"");
    assert_eq!(ended(drained).await.cut, 0);
}

#[tokio::test]
async fn a_head_that_has_begun_is_read_to_its_end() {
    let upstream = Upstream::named("web").await;
    let mut config = Config::default();
    config.drain_idle = Duration::from_secs(3);
    let harness = serve_one(&upstream, config).await;
    let mut client = harness.connect().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET / HTTP/1.1\r\nHost: a.").await;
    let drained = draining(harness, PATIENCE).await;
    client.send("test\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "web");
    assert_eq!(ended(drained).await.cut, 0);
}

#[tokio::test]
async fn without_connections_a_drain_ends_at_once() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    let begun = Instant::now();
    assert_eq!(ended(draining(harness, PATIENCE).await).await.cut, 0);
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_takes_too_long_is_cut_and_counted() {
    let upstream = Upstream::stalling().await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut stuck = [harness.connect().await, harness.connect().await];
    for client in &mut stuck {
        client.send(GET).await;
    }
    upstream.wait_requests(2).await;
    let drained = draining(harness, Duration::from_millis(300)).await;
    assert_eq!(ended(drained).await.cut, 2);
    for client in &mut stuck {
        assert_eq!(client.closed().await, b"");
    }
    upstream.wait_all_closed().await;
}

#[tokio::test]
async fn a_websocket_lives_until_the_time_is_up() {
    let upstream = Upstream::echo_tunnel().await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 101);
    let drained = draining(harness, Duration::from_secs(3)).await;
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, b"ping");
    assert_eq!(ended(drained).await.cut, 1);
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let upstream = Upstream::named("web").await;
    let harness: Harness = serve_one(&upstream, Config::default()).await;
    let (address, mut client) = (harness.address(), harness.connect().await);
    client.send(GET).await;
    assert_eq!(client.answer().await.status, 200);
    drop(harness);
    assert_eq!(client.closed().await, b"");
    harness::within("new connections to be refused", super::refused(address)).await;
}
