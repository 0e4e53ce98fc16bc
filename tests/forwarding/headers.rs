//! The headers of a request on its way to the endpoint.

use std::collections::HashSet;

use harness::{Harness, Recorded, Upstream, one, serve_one, serve_set};
use ingress_core::Settings;
use ingress_proxy::Config;

/// Sends one GET of `/path?q=1` with these header lines, and returns what the endpoint got.
async fn forwarded(lines: &str) -> (Recorded, Harness) {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.send(format!("GET /path?q=1 HTTP/1.1\r\n{lines}\r\n")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (upstream.only_request(), harness)
}

#[tokio::test]
async fn the_client_is_described() {
    let (got, harness) = forwarded("Host: a.test\r\nUser-Agent: probe/1\r\nAccept: */*\r\n").await;
    assert_eq!(got.head.start, "GET /path?q=1 HTTP/1.1");
    let port = harness.address().port().to_string();
    for (name, value) in [
        ("Host", "a.test"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", "a.test"),
        ("X-Forwarded-Port", port.as_str()),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Scheme", "http"),
        ("X-Scheme", "http"),
        ("User-Agent", "probe/1"),
        ("Accept", "*/*"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let id = got.header("X-Request-ID").expect("a request id");
    assert!(id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id:?}");
    for absent in
        ["X-Original-Forwarded-For", "X-Original-Forwarded-Host", "X-Original-URI", "Connection", "Forwarded"]
    {
        assert_eq!(got.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn a_request_id_is_passed_on_or_made() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for _ in 0..20 {
        harness.get("a.test", "/").await;
    }
    let ids: HashSet<_> =
        upstream.requests().iter().map(|got| got.header("x-request-id").map(str::to_owned)).collect();
    assert_eq!(ids.len(), 20, "a fresh id for each request");
    harness.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: mine-42\r\n\r\n").await;
    let last = upstream.requests().pop().unwrap();
    assert_eq!(last.header("x-request-id"), Some("mine-42"));
}

#[tokio::test]
async fn no_request_id_is_made_where_that_is_off() {
    let upstream = Upstream::named("web").await;
    let mut settings = Settings::default();
    settings.generate_request_id = false;
    let harness = serve_set(&one(&upstream), settings).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    assert_eq!(upstream.only_request().header("x-request-id"), None);
}

#[tokio::test]
async fn the_host_is_forwarded_as_sent() {
    let (got, _harness) = forwarded("Host: A.Test:8080\r\n").await;
    assert_eq!(got.header("host"), Some("A.Test:8080"));
    assert_eq!(got.header("x-forwarded-host"), Some("A.Test:8080"));
}

#[tokio::test]
async fn the_authority_of_an_absolute_target_wins() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.send("GET http://a.test/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    let got = upstream.only_request();
    assert_eq!((got.head.target(), got.header("host")), ("/x?y", Some("a.test")));
    assert_eq!(got.header("x-forwarded-host"), Some("a.test"));
    let answer = harness.send("GET http://other.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(answer.status, 404);
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn what_a_client_claims_about_itself_is_replaced() {
    let lines = "Host: a.test\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nX-Real-IP: 1.2.3.4\r\nX-Forwarded-Host: evil.test\r\n\
        X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Scheme: https\r\nX-Scheme: https\r\n";
    let (got, harness) = forwarded(lines).await;
    let port = harness.address().port().to_string();
    for (name, value) in [
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Original-Forwarded-For", "1.2.3.4, 5.6.7.8"),
        ("X-Forwarded-Host", "a.test"),
        ("X-Original-Forwarded-Host", "evil.test"),
        ("X-Forwarded-Port", port.as_str()),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Scheme", "http"),
        ("X-Scheme", "http"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn headers_that_only_a_proxy_may_set_are_removed() {
    let lines = "Host: a.test\r\nForwarded: for=1.2.3.4\r\nX-Original-URI: /admin\r\nX-Original-URL: http://a.test/admin\r\n\
        X-Original-Method: PUT\r\nX-Original-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Prefix: /admin\r\nX-Forwarded-Foo: 1\r\n\
        ssl-client-verify: SUCCESS\r\nssl-client-subject-dn: CN=root\r\nssl-client-issuer-dn: CN=ca\r\nssl-client-cert: x\r\n\
        Proxy: http://evil.test/\r\n";
    let (got, _harness) = forwarded(lines).await;
    for name in [
        "Forwarded",
        "X-Original-URI",
        "X-Original-URL",
        "X-Original-Method",
        "X-Original-Forwarded-For",
        "X-Forwarded-Prefix",
        "X-Forwarded-Foo",
        "ssl-client-verify",
        "ssl-client-subject-dn",
        "ssl-client-issuer-dn",
        "ssl-client-cert",
        "Proxy",
    ] {
        assert_eq!(got.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn names_with_an_underscore_are_dropped() {
    let lines = "Host: a.test\r\nX_Forwarded_For: 1.2.3.4\r\nssl_client_verify: SUCCESS\r\nTransfer_Encoding: chunked\r\n\
        my_header: 1\r\nMy-Header: 2\r\n";
    let (got, _harness) = forwarded(lines).await;
    assert!(got.head.headers.iter().all(|(name, _)| !name.contains('_')), "{:?}", got.head.headers);
    assert_eq!(got.header("my-header"), Some("2"));
}

#[tokio::test]
async fn hop_by_hop_headers_end_at_the_proxy() {
    let lines = "Host: a.test\r\nConnection: keep-alive, X-Once\r\nX-Once: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
        TE: trailers\r\nTrailer: X-Sum\r\nProxy-Authorization: Basic eDp5\r\nX-Stays: 1\r\n";
    let (got, _harness) = forwarded(lines).await;
    for name in [
        "Connection",
        "X-Once",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ] {
        assert_eq!(got.header(name), None, "{name}");
    }
    assert_eq!(got.header("x-stays"), Some("1"));
}

#[tokio::test]
async fn connection_cannot_take_away_what_the_proxy_says() {
    let lines = "Host: a.test\r\nConnection: close, X-Forwarded-For, X-Forwarded-Proto, X-Real-IP, X-Request-ID, Host, Cookie, Content-Length\r\n\
        Cookie: a=1\r\nX-Forwarded-For: 9.9.9.9\r\n";
    let (got, _harness) = forwarded(lines).await;
    assert_eq!(got.header("host"), Some("a.test"));
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(got.header("x-forwarded-proto"), Some("http"));
    assert_eq!(got.header("x-real-ip"), Some("127.0.0.1"));
    assert!(got.header("x-request-id").is_some());
}

#[tokio::test]
async fn connection_cannot_take_away_the_length_of_a_body() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let request = "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: Content-Length\r\nContent-Length: 33\r\n\r\n\
        GET /smuggled HTTP/1.1\r\nHost: a.\r\n";
    let answer = harness.send(request).await;
    assert!([200, 400].contains(&answer.status), "{answer:?}");
    for got in upstream.requests() {
        assert_eq!((got.head.target(), got.body.len()), ("/", 33));
    }
}

#[tokio::test]
async fn other_headers_pass_unchanged_and_in_order() {
    let lines = "Host: a.test\r\nCookie: a=1; b=\"2\"\r\nAuthorization: Bearer x.y\r\nX-Multi: 1\r\nX-Multi: 2, 3\r\nX-Empty:\r\n\
        Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nIf-None-Match: \"e\"\r\nX-Latin: a!#$%&'*+.^`|~z\r\n";
    let (got, _harness) = forwarded(lines).await;
    assert_eq!(got.header("cookie"), Some("a=1; b=\"2\""));
    assert_eq!(got.header("authorization"), Some("Bearer x.y"));
    assert_eq!(got.head.all("x-multi"), ["1", "2, 3"]);
    assert_eq!(got.header("accept-encoding"), Some("gzip, br"));
    assert_eq!(got.header("range"), Some("bytes=0-1"));
    assert_eq!(got.header("if-none-match"), Some("\"e\""));
    assert_eq!(got.header("x-latin"), Some("a!#$%&'*+.^`|~z"));
}

#[tokio::test]
async fn the_target_is_forwarded_as_sent() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let targets = [
        "/",
        "/a%20b?x=%2F&y",
        "//a//b",
        "/a/../b",
        "/%66oo",
        "/a%2fb",
        "/caf%C3%A9",
        "/?",
        "/a?b?c",
        "/a;v=1,2",
        "/a?url=http://x/../y",
        "/~user/(a)'!*@:$&+=",
    ];
    for target in targets {
        assert_eq!(harness.get("a.test", target).await.status, 200, "{target}");
    }
    let seen: Vec<_> = upstream.requests().iter().map(|got| got.head.target().to_owned()).collect();
    assert_eq!(seen, targets);
}
