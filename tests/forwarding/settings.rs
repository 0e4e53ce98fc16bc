//! Settings of the snapshot, and that they change while the proxy runs.

use std::time::Duration;

use harness::{Answer, Upstream, one, serve_set};
use ingress_core::Settings;

/// Serves one GET from an endpoint that answers with some telling headers.
async fn answered(settings: Settings) -> Answer {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nX-Powered-By: secret\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let harness = serve_set(&one(&upstream), settings).await;
    harness.get("a.test", "/").await
}

#[tokio::test]
async fn headers_of_endpoints_can_be_hidden() {
    let mut settings = Settings::default();
    settings.hide_headers = vec!["x-powered-by".parse().unwrap(), "content-length".parse().unwrap()];
    let answer = answered(settings).await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!((answer.header("x-powered-by"), answer.header("x-stays")), (None, Some("1")));
}

#[tokio::test]
async fn the_server_is_named_as_the_settings_say() {
    for (tokens, backend, expected) in [
        (false, false, None),
        (true, false, Some("ingress")),
        (false, true, Some("secret/1.0")),
        (true, true, Some("secret/1.0")),
    ] {
        let mut settings = Settings::default();
        (settings.server_tokens, settings.allow_backend_server_header) = (tokens, backend);
        assert_eq!(answered(settings).await.header("server"), expected, "{tokens} {backend}");
    }
}

#[tokio::test]
async fn our_own_answers_name_the_server_too() {
    let upstream = Upstream::closing().await;
    let mut settings = Settings::default();
    settings.server_tokens = true;
    let harness = serve_set(&one(&upstream), settings).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n", 404),
        ("GET /../ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a.test\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 502),
    ] {
        let answer = harness.send(request).await;
        assert_eq!((answer.status, answer.header("server")), (status, Some("ingress")), "{request:?}");
    }
}

#[tokio::test]
async fn a_change_holds_from_the_next_request_on() {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), Settings::default()).await;
    let mut client = harness.connect().await;
    let mut settings = Settings::default();
    for on in [false, true, false] {
        settings.server_tokens = on;
        settings.generate_request_id = on;
        harness.set(settings.clone());
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("server").is_some()), (200, on));
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.header("x-request-id").is_some(), on);
    }
}

#[tokio::test]
async fn a_change_of_what_holds_for_connections_holds_for_the_next_one() {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), Settings::default()).await;
    let mut held = harness.connect().await;
    held.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(held.answer().await.status, 200);
    let mut settings = Settings::default();
    settings.keep_alive = Duration::ZERO;
    harness.set(settings);
    let mut next = harness.connect().await;
    for (client, closes) in [(&mut next, true), (&mut held, false)] {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.head.lists("connection", "close"), closes);
    }
    assert_eq!(next.closed().await, b"");
}

#[tokio::test]
async fn the_pool_follows_the_settings() {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), Settings::default()).await;
    let mut client = harness.connect().await;
    let mut settings = Settings::default();
    for (kept, connections) in [(320, 1), (320, 1), (0, 1), (0, 2), (0, 3), (320, 4), (320, 4)] {
        settings.upstream_keepalive_connections = kept;
        harness.set(settings.clone());
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(upstream.connections().len(), connections, "{kept} kept");
    }
}
