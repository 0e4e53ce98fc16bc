//! Where a request ends: one answer to that question, or none.

use harness::{Upstream, serve_one};
use ingress_proxy::Config;

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\nX: ";

/// Heads whose length is ambiguous, each with the status of the refusal.
const AMBIGUOUS: &[(&str, &[u16])] = &[
    ("Content-Length: 4\r\nTransfer-Encoding: chunked", &[400]),
    ("Transfer-Encoding: chunked\r\nContent-Length: 4", &[400]),
    ("Content-Length: 4\r\nContent-Length: 4", &[400]),
    ("Content-Length: 4\r\nContent-Length: 5", &[400]),
    ("Content-Length: 0\r\nContent-Length: 60", &[400]),
    ("Content-Length: 4, 4", &[400]),
    ("Content-Length: +4", &[400]),
    ("Content-Length: -4", &[400]),
    ("Content-Length: 0x4", &[400]),
    ("Content-Length: 4 4", &[400]),
    ("Content-Length: 4a", &[400]),
    ("Content-Length:", &[400]),
    ("Content-Length: 99999999999999999999", &[400]),
    ("Transfer-Encoding: gzip", &[501]),
    ("Transfer-Encoding: identity", &[501]),
    ("Transfer-Encoding: gzip, chunked", &[501]),
    ("Transfer-Encoding: chunked, gzip", &[501]),
    ("Transfer-Encoding: identity, chunked", &[501]),
    ("Transfer-Encoding: ,chunked", &[501]),
    ("Transfer-Encoding: xchunked", &[501]),
    ("Transfer-Encoding: chunked;q=1", &[501]),
    ("Transfer-Encoding: \x0bchunked", &[400, 501]),
    ("Transfer-Encoding: \"chunked\"", &[501]),
    ("Transfer-Encoding:", &[400, 501]),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", &[400, 501]),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &[400, 501]),
    ("Transfer-Encoding : chunked", &[400]),
    ("Transfer-Encoding:\r\n chunked", &[400, 501]),
    ("X: y\rTransfer-Encoding: chunked", &[400]),
    ("X: y\nTransfer-Encoding: chunked", &[400]),
];

#[tokio::test]
async fn an_ambiguous_length_is_refused() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    for (lines, statuses) in AMBIGUOUS {
        let mut client = harness.connect().await;
        let request = format!("POST / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n\r\n0\r\n\r\n{SMUGGLED}");
        let _ = client.try_send(request).await;
        let answer = client.answer().await;
        assert!(statuses.contains(&answer.status), "{lines:?}: {} instead of {statuses:?}", answer.status);
        assert_eq!(client.closed().await, b"", "{lines:?}");
        assert_eq!(upstream.count(), 0, "{lines:?} reached the endpoint: {:?}", upstream.requests());
    }
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn chunks_need_http_1_1() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer =
        harness.send("POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert!([400, 501].contains(&answer.status), "{answer:?}");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn names_that_resemble_a_length_are_no_length() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client
        .send(
            "GET /1 HTTP/1.1\r\nHost: a.test\r\nContent_Length: 50\r\nTransfer_Encoding: chunked\r\n\r\n\
             GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.answer().await.status, 200);
    let targets: Vec<_> = upstream.requests().iter().map(|got| got.head.target().to_owned()).collect();
    assert_eq!(targets, ["/1", "/2"]);
}

/// Chunked bodies with a defect. The head before them is good, so the request may have begun to flow.
const BAD_CHUNKS: &[&str] = &[
    "zz\r\nab\r\n0\r\n\r\n",
    "\r\nab\r\n0\r\n\r\n",
    "-2\r\nab\r\n0\r\n\r\n",
    "+2\r\nab\r\n0\r\n\r\n",
    "0x2\r\nab\r\n0\r\n\r\n",
    " 2\r\nab\r\n0\r\n\r\n",
    "2\nab\n0\n\n",
    "2\r\nab\n0\r\n\r\n",
    "2\r\nabXX0\r\n\r\n",
    "2\r\nabc\r\n0\r\n\r\n",
    "2;x=\ny\r\nab\r\n0\r\n\r\n",
    "10000000000000002\r\nab\r\n0\r\n\r\n",
    "fffffffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "2\r\nab\r\n0\r\nX Y: 1\r\n\r\n",
    "2\r\nab\r\n0\r\nX: 1\r\n folded\r\n\r\n",
    "2\r\nab\r\n0\r\nX: 1\n\r\n",
];

#[tokio::test]
async fn a_bad_chunk_ends_the_request_and_both_connections() {
    for bad in BAD_CHUNKS {
        let upstream = Upstream::named("web").await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        let head = "POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = client.try_send(format!("{head}{bad}{SMUGGLED}\r\n\r\n")).await;
        if let Ok(answer) = client.try_answer("POST").await {
            assert_eq!(answer.status, 400, "{bad:?}");
        }
        let rest = client.closed().await;
        assert!(rest.is_empty(), "{bad:?}: {}", rest.escape_ascii());
        upstream.wait_all_closed().await;
        for got in upstream.requests() {
            assert!(!got.complete && got.head.target() == "/up", "{bad:?}: {got:?}");
        }
        assert_eq!(harness.get("a.test", "/good").await.status, 200, "{bad:?}");
    }
}

#[tokio::test]
async fn a_chunk_extension_cannot_be_endless() {
    let upstream = Upstream::named("web").await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2;").await;
    let (mut sent, block) = (0, "x".repeat(8192));
    while sent < 16 << 20 && client.try_send(&block).await.is_ok() {
        sent += 8192;
    }
    assert!(sent < 16 << 20, "{sent} bytes of one extension were taken");
    client.closed().await;
    upstream.wait_all_closed().await;
    assert!(upstream.requests().iter().all(|got| !got.complete));
}
