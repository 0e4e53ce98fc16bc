//! The answer of an endpoint on its way to the client.

use harness::{Answer, Harness, Upstream, serve_one};
use ingress_proxy::Config;

async fn answered(bytes: &str) -> (Answer, Harness, Upstream) {
    let upstream = Upstream::answering(bytes).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.get("a.test", "/").await;
    (answer, harness, upstream)
}

#[tokio::test]
async fn status_headers_and_body_pass() {
    let (answer, ..) = answered(
        "HTTP/1.1 418 I'm a teapot\r\nContent-Type: text/x-tea\r\nContent-Length: 3\r\nSet-Cookie: a=1; Path=/\r\n\
         Set-Cookie: b=2\r\nLocation: http://elsewhere.test/\r\nETag: W/\"1\"\r\n\r\ntea",
    )
    .await;
    assert_eq!((answer.status, answer.text()), (418, "tea"));
    assert_eq!(answer.header("content-type"), Some("text/x-tea"));
    assert_eq!(answer.header("content-length"), Some("3"));
    assert_eq!(answer.head.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(answer.header("location"), Some("http://elsewhere.test/"));
    assert_eq!(answer.header("etag"), Some("W/\"1\""));
    assert!(answer.header("date").is_some(), "every answer has a date");
}

#[tokio::test]
async fn hop_by_hop_headers_of_an_answer_end_at_the_proxy() {
    let (answer, ..) = answered(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Once\r\nX-Once: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\nServer: secret/1.0\r\nX-Stays: 1\r\n\r\nok",
    )
    .await;
    assert_eq!(answer.text(), "ok");
    for name in ["X-Once", "Keep-Alive", "Proxy-Connection", "Server", "Upgrade"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert!(!answer.head.lists("connection", "x-once"));
    assert_eq!(answer.header("x-stays"), Some("1"));
}

#[tokio::test]
async fn an_answer_until_close_arrives_whole() {
    let upstream = Upstream::answering_once("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "all of it"));
        assert!(!answer.head.lists("connection", "close"), "the endpoint's close is not the client's");
    }
}

#[tokio::test]
async fn an_answer_of_http_1_0_arrives_whole() {
    let upstream = Upstream::answering_once("HTTP/1.0 200 OK\r\n\r\nold").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for _ in 0..2 {
        let answer = harness.get("a.test", "/").await;
        assert_eq!((answer.status, answer.text()), (200, "old"));
        assert!(answer.head.start.starts_with("HTTP/1.1 "), "{}", answer.head.start);
    }
}

#[tokio::test]
async fn a_chunked_answer_is_framed_anew() {
    let (answer, harness, upstream) = answered(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 9\r\n\r\n",
    )
    .await;
    assert_eq!((answer.status, answer.text()), (200, "abcd"));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(harness.get("a.test", "/").await.text(), "abcd");
    assert!(upstream.count() == 2, "the connection is good for a further request or was replaced");
}

#[tokio::test]
async fn answers_without_a_body_end_at_once() {
    for start in ["204 No Content", "304 Not Modified"] {
        let upstream = Upstream::answering(format!("HTTP/1.1 {start}\r\nETag: \"1\"\r\n\r\n")).await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            let answer = client.answer().await;
            assert_eq!((answer.head.start.split_once(' ').unwrap().1, answer.body.len()), (start, 0));
            assert_eq!(answer.header("transfer-encoding"), None);
        }
    }
}

#[tokio::test]
async fn interim_answers_do_not_confuse() {
    let (answer, harness, _upstream) = answered(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal",
    )
    .await;
    assert_eq!((answer.status, answer.text()), (200, "final"));
    assert_eq!(harness.get("a.test", "/").await.text(), "final");
}
