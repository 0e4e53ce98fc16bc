//! The size of a request's body is limited: 413.

use harness::{Harness, Upstream, serve_snapshot};
use ingress_core::{Backend, HostPattern, PathPattern, Route, Snapshot};
use ingress_proxy::Config;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Serves `/small` with at most ten bytes, `/any` without a limit, `/denied` for nobody, and all else by the default route.
async fn limited(upstream: &Upstream) -> Harness {
    let to = Backend::Upstream("u".into());
    let route = |path: &str, max, to: &Backend| {
        let mut route = Route::new(HostPattern::Any, PathPattern::prefix(path).expect("a path"), to.clone());
        route.request_body.max_size = max;
        route
    };
    let snapshot = Snapshot::builder()
        .upstream(ingress_core::Upstream::new("u", [upstream.address()]))
        .route(route("/small", Some(10), &to))
        .route(route("/any", None, &to))
        .route(route("/denied", Some(10), &Backend::Denied("because".into())))
        .default_route(Route::new(HostPattern::Any, PathPattern::prefix("/").expect("a path"), to.clone()));
    serve_snapshot(snapshot.build().expect("a snapshot"), Config::default()).await
}

fn put(path: &str, body: &str) -> String {
    format!("PUT {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_endpoint_is_asked() {
    let upstream = Upstream::answering(OK).await;
    let harness = limited(&upstream).await;
    let eleven = "01234567890";
    for (path, body, status) in [
        ("/small", "0123456789", 200),
        ("/small", eleven, 413),
        ("/denied", "0123456789", 503),
        ("/denied", eleven, 413),
        ("/other", &"x".repeat(1024 * 1024), 200),
        ("/other", &"x".repeat(1024 * 1024 + 1), 413),
        ("/any", &"x".repeat(1024 * 1024 + 1), 200),
    ] {
        let before = upstream.count();
        let answer = harness.send(put(path, body)).await;
        assert_eq!(answer.status, status, "{path} {}", body.len());
        assert_eq!(upstream.count() - before, usize::from(status == 200), "{path} {}", body.len());
        assert!(status != 413 || answer.head.lists("connection", "close"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_told_to_go_on() {
    let upstream = Upstream::answering(OK).await;
    let harness = limited(&upstream).await;
    let mut client = harness.connect().await;
    client
        .send("PUT /small HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert!(answer.status == 413 && answer.interim.is_empty(), "{answer:?}");
    assert_eq!(client.closed().await, b"");
}

const CHUNKED: &str = "PUT /small HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_without_a_length_may_be_as_large() {
    let upstream = Upstream::answering(OK).await;
    let harness = limited(&upstream).await;
    let answer = harness.send(format!("{CHUNKED}5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only_request().body, b"0123456789");
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_off_at_the_limit() {
    let upstream = Upstream::answering(OK).await;
    let harness = limited(&upstream).await;
    let mut client = harness.connect().await;
    client.send(format!("{CHUNKED}5\r\n01234\r\n")).await;
    upstream.wait_requests(1).await;
    client.send("6\r\n567890\r\n").await;
    let answer = client.answer().await;
    assert!(answer.status == 413 && answer.head.lists("connection", "close"), "{answer:?}");
    // What is left of the body must not be taken for a request.
    let _ = client.try_send("0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.closed().await, b"");
    upstream.wait_all_closed().await;
    assert!(!upstream.only_request().complete, "the endpoint sees a body that is cut off");
    let bytes = upstream.connections().concat();
    assert!(!bytes.windows(6).any(|six| six == b"567890"), "{}", bytes.escape_ascii());
}

#[tokio::test]
async fn http2_has_the_same_limit() {
    let upstream = Upstream::answering(OK).await;
    let harness = limited(&upstream).await;
    let client = harness::H2::connect(harness.address()).await;
    for (body, status) in [("0123456789", 200), ("01234567890", 413), ("01234", 200)] {
        let request = http::Request::put("http://a.test/small").body(body).unwrap();
        assert_eq!(client.request(request).await.unwrap().status(), status, "{body}");
    }
}
