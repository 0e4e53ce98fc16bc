//! Clients and endpoints that are slow, or never come to an end.

use std::time::Duration;

use harness::{H2, Upstream, affordable, one, serve_one, serve_set, serve_with, within};
use http::Request;
use http_body_util::BodyExt;
use ingress_core::Settings;
use ingress_proxy::Config;

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.client_header_timeout = SHORT;
    let harness = serve_set(&one(&upstream), settings).await;
    for begun in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: "] {
        let mut client = harness.connect().await;
        client.send(begun).await;
        let last = client.closed().await;
        assert!(last.is_empty() || last.starts_with(b"HTTP/1.1 408 "), "{begun:?}: {}", last.escape_ascii());
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn a_head_in_drips_ends_the_connection() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.client_header_timeout = SHORT;
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n").await;
    let begun = tokio::time::Instant::now();
    let mut drip = tokio::time::interval(SHORT / 4);
    // Each drip comes well within the timeout; all of them together do not.
    while client.try_send("X-Y: 1\r\n").await.is_ok() {
        drip.tick().await;
        assert!(begun.elapsed() < SHORT * 40, "the head has been dripping for {:?}", begun.elapsed());
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_the_request() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.client_body_timeout = SHORT;
    let harness = serve_set(&one(&upstream), settings).await;
    for framing in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = harness.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\n{framing}")).await;
        let last = client.closed().await;
        assert!(
            last.is_empty() || last.starts_with(b"HTTP/1.1 408 "),
            "{framing:?}: {}",
            last.escape_ascii()
        );
        upstream.wait_all_closed().await;
    }
    assert!(upstream.requests().iter().all(|got| !got.complete));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.keep_alive = SHORT;
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn keep_alive_can_be_off() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.keep_alive = Duration::ZERO;
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(answer.status == 200 && answer.head.lists("connection", "close"), "{answer:?}");
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn a_connection_carries_so_many_requests() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.keep_alive_requests = 3;
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    for last in [false, false, true] {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.head.lists("connection", "close"), last);
    }
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn a_connection_of_http2_carries_no_more() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.keep_alive_requests = 3;
    let harness = serve_set(&one(&upstream), settings).await;
    let client = H2::connect(harness.address()).await;
    let mut answered = 0;
    while answered < 100 {
        let request = Request::get("http://a.test/").body("").unwrap();
        let Ok(answer) = client.request(request).await else { break };
        assert_eq!(answer.status(), 200);
        answered += 1;
    }
    // A few more may have been on their way before the client was told.
    assert!((3..50).contains(&answered), "{answered} requests on one connection");
    let next = H2::connect(harness.address()).await;
    let request = Request::get("http://a.test/").body("").unwrap();
    assert_eq!(next.request(request).await.unwrap().status(), 200);
}

/// Answers without end.
async fn endless() -> Upstream {
    Upstream::script(|mut conn| async move {
        conn.request().await?;
        conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        loop {
            conn.write(&chunk).await?;
        }
    })
    .await
}

fn impatient() -> Config {
    let mut config = Config::default();
    config.send_timeout = SHORT;
    config
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let upstream = endless().await;
    let harness = serve_one(&upstream, impatient()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    upstream.wait_all_closed().await;
    client.closed().await;
}

#[tokio::test]
async fn a_stream_of_which_the_client_takes_nothing_is_cut_and_no_other() {
    let (upstream, other) = (endless().await, Upstream::in_two_parts().await);
    let (other, opened) = other;
    let manifests = one(&upstream).ingress("other").host("b.test").prefix("/", "other", 80);
    let harness = serve_with(&manifests.service("other", [&other]), impatient()).await;
    let client = H2::connect(harness.address()).await;
    let get = |host: &str| Request::get(format!("http://{host}/")).body("").unwrap();
    let waiting = client.begin(get("b.test")).await.unwrap();
    let stuck = client.begin(get("a.test")).await.unwrap();
    assert_eq!(stuck.status(), 200);
    upstream.wait_all_closed().await;
    // It was silent for as long, but that was not the client's doing.
    opened.open();
    let body = within("the rest", waiting.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(body.as_ref(), b"firstlast");
    let stuck = within("the end", stuck.into_body().collect()).await;
    assert!(stuck.is_err(), "what was cut off looks whole");
}

#[tokio::test]
async fn slow_clients_do_not_hold_up_others() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut slow = Vec::new();
    for _ in 0..affordable(500) {
        let mut client = harness.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ").await;
        slow.push(client);
    }
    for _ in 0..20 {
        assert_eq!(harness.get("a.test", "/").await.status, 200);
    }
    for client in &mut slow {
        client.send("1\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
}
