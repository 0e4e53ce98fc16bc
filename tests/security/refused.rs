//! Requests that are answered by the proxy because they are malformed.

use harness::{Client, Harness, Upstream, one, serve, serve_one};
use ingress_proxy::Config;

/// Sends a request with another one behind it, expects a refusal with one of these statuses, then the end of the connection; and that the
/// endpoint saw nothing of it.
async fn refused(harness: &Harness, upstream: &Upstream, request: &[u8], statuses: &[u16]) {
    let shown = request.escape_ascii().to_string();
    let shown = shown.get(..200).unwrap_or(&shown);
    let before = upstream.count();
    let mut client = harness.connect().await;
    let behind = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let _ = client.try_send([request, behind].concat()).await;
    match client.try_answer("GET").await {
        Ok(answer) => {
            assert!(statuses.contains(&answer.status), "{shown}: {} instead of {statuses:?}", answer.status)
        }
        Err(error) => unreachable!("{shown}: {error} instead of {statuses:?}"),
    }
    let rest = client.closed().await;
    assert!(rest.is_empty(), "{shown}: answered again: {}", rest.escape_ascii());
    assert_eq!(upstream.count(), before, "{shown}: reached the endpoint: {:?}", upstream.requests());
}

/// All of these are refused, and a good request after each of them is served.
async fn all_refused(cases: &[(&str, u16)]) {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for (request, status) in cases {
        refused(&harness, &upstream, request.as_bytes(), &[*status]).await;
        assert_eq!(harness.get("a.test", "/good").await.status, 200, "after {request:?}");
    }
    assert!(upstream.requests().iter().all(|got| got.head.target() == "/good"));
    assert_eq!(upstream.count(), cases.len());
}

#[tokio::test]
async fn hosts() {
    all_refused(&[
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a.test\r\nHost: b.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: user@a.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test:80x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", 400),
        ("GET http:///x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET http://user@a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    ])
    .await;
}

#[tokio::test]
async fn methods_and_targets() {
    all_refused(&[
        ("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n", 400),
        ("CONNECT / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("get / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GeT / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET foo HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /../x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a/../../x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /%2e%2e/x HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a%2f..%2fb HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a% HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a\\b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a%5cb HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a\0b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /a\x01b HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    ])
    .await;
}

#[tokio::test]
async fn trace_is_not_allowed() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.send("TRACE / HTTP/1.1\r\nHost: a.test\r\nCookie: secret\r\n\r\n").await;
    assert!(answer.status == 405 && !answer.text().contains("secret"), "{answer:?}");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn versions() {
    all_refused(&[
        ("GET / HTTP/3.0\r\nHost: a.test\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: a.test\r\n\r\n", 505),
        ("GET / HTTP/1\r\nHost: a.test\r\n\r\n", 400),
        ("GET / HTTX/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("GET /\r\nHost: a.test\r\n\r\n", 400),
    ])
    .await;
}

#[tokio::test]
async fn header_lines() {
    all_refused(&[
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX Y: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y : 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: 1\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: 1\r\n\tfolded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\n: empty\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-\0Y: ab\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: a\rb\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: a\r\rb: c\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a.test\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\nX-Y: 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.test\r\n\n", 400),
    ])
    .await;
}

#[tokio::test]
async fn lines_that_are_too_long() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n", "x".repeat(length));
    let header =
        |length: usize| format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Y: {}\r\n\r\n", "x".repeat(length));
    let many = |count: usize, length: usize| {
        let lines: String =
            (0..count).map(|number| format!("X-{number}: {}\r\n", "x".repeat(length))).collect();
        format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")
    };
    for good in [line(7000), header(7000), many(4, 7000), many(200, 20)] {
        assert_eq!(harness.send(&good).await.status, 200, "{} bytes", good.len());
    }
    for (request, statuses) in [
        (line(9000), &[414][..]),
        (line(100_000), &[414]),
        (header(9000), &[400]),
        (header(100_000), &[400]),
        (many(8, 7000), &[400, 431]),
        (many(2000, 2), &[400, 431]),
    ] {
        refused(&harness, &upstream, request.as_bytes(), statuses).await;
    }
    let method = format!("{} / HTTP/1.1\r\nHost: a.test\r\n\r\n", "G".repeat(9000));
    refused(&harness, &upstream, method.as_bytes(), &[400, 414]).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn what_is_not_http() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\x58\x2a\r\n\r\n";
    let inputs: [&[u8]; 5] =
        [hello, b"\0\0\0\0\r\n\r\n", b"\x80\xff\xfe\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"{\"a\":1}\r\n\r\n"];
    for input in inputs {
        refused(&harness, &upstream, input, &[400]).await;
    }
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn a_refusal_says_what_it_is_and_no_more() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: <script>.test\r\n\r\n", 400),
        ("GET /script HTTP/1.1\r\nHost: unknown.test\r\n\r\n", 404),
    ] {
        let answer = harness.send(request).await;
        assert_eq!(answer.status, status);
        assert!(!answer.text().contains("script") && answer.header("server").is_none(), "{answer:?}");
    }
}

#[tokio::test]
async fn http_1_0_without_a_host_goes_to_the_rules_without_one() {
    let (named, any) = (Upstream::named("named").await, Upstream::named("any").await);
    let manifests = one(&named).ingress("any").host("").prefix("/", "any", 80).service("any", [&any]);
    let harness = serve(&manifests).await;
    assert_eq!(harness.send("GET / HTTP/1.0\r\n\r\n").await.text(), "any");
    assert_eq!(harness.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").await.text(), "named");
    let harness = serve_one(&named, Config::default()).await;
    assert_eq!(harness.send("GET / HTTP/1.0\r\n\r\n").await.status, 404);
}

#[tokio::test]
async fn a_bad_request_behind_a_good_one_is_refused_alone() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client: Client = harness.connect().await;
    client
        .send("GET /good HTTP/1.1\r\nHost: a.test\r\n\r\nGET /bad HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 400);
    assert_eq!(client.closed().await, b"");
    assert_eq!(upstream.only_request().head.target(), "/good");
}
