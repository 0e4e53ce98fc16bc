//! Connections to endpoints that wait for their next request.

use std::time::Duration;

use harness::{Upstream, one, serve_set};
use ingress_core::Settings;

/// How many connections an endpoint gets for so many requests of one client, which one worker serves.
async fn connections(requests: usize, settings: Settings) -> usize {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    for _ in 0..requests {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    upstream.connections().len()
}

#[tokio::test]
async fn a_connection_is_used_again() {
    assert_eq!(connections(6, Settings::default()).await, 1);
}

#[tokio::test]
async fn a_connection_carries_so_many_requests() {
    let mut settings = Settings::default();
    settings.upstream_keepalive_requests = 2;
    assert_eq!(connections(6, settings).await, 3);
}

#[tokio::test]
async fn a_connection_grows_only_so_old() {
    let mut settings = Settings::default();
    settings.upstream_keepalive_time = Duration::ZERO;
    assert_eq!(connections(6, settings).await, 6);
}

#[tokio::test]
async fn keeping_connections_can_be_off() {
    let mut settings = Settings::default();
    settings.upstream_keepalive_connections = 0;
    assert_eq!(connections(6, settings).await, 6);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.upstream_keepalive_timeout = Duration::from_millis(200);
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    upstream.wait_all_closed().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(upstream.connections().len(), 2);
}
