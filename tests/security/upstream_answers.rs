//! Answers of endpoints that are malformed, ambiguous or cut off.

use harness::{Turn, Upstream, serve_one};
use ingress_proxy::Config;

/// Answers that become 502.
const BAD: &[&str] = &[
    "",
    "HTTP/1.1",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2",
    "garbage\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokx",
    "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Y: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
];

#[tokio::test]
async fn a_bad_answer_becomes_502() {
    for bad in BAD {
        let upstream = Upstream::answering_once(*bad).await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        for _ in 0..2 {
            // POST, so that each is tried once.
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx").await;
            let answer = client.answer().await;
            assert_eq!(answer.status, 502, "{bad:?}: {}", answer.text());
        }
        upstream.wait_all_closed().await;
        assert_eq!(upstream.connections().len(), 2, "{bad:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_becomes_502() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Y: {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(1 << 20));
    let upstream = Upstream::answering_once(huge).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.send("POST / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(answer.status, 502);
}

/// The first connection gives `first`, every later one a good answer; the same client asks twice.
async fn after(first: &'static str, method: &str) -> (String, Upstream) {
    let turn = Turn::default();
    let upstream = Upstream::script(move |mut conn| {
        let turn = turn.clone();
        async move {
            let mine =
                if turn.next() == 0 { first } else { "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" };
            while conn.request().await?.is_some() {
                conn.write(mine).await?;
            }
            Ok(())
        }
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(format!("{method} /first HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
    assert_eq!(client.answer_to(method).await.status, 200);
    client.send("GET /second HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    (client.answer().await.text().to_owned(), upstream)
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_reaches_nobody() {
    const EVIL: &str =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let (second, upstream) = after(EVIL, "GET").await;
    assert_eq!(second, "good");
    let connections: Vec<_> = upstream.requests().iter().map(|got| got.connection).collect();
    assert_eq!(connections, [0, 1]);
}

#[tokio::test]
async fn a_body_after_head_is_no_answer() {
    const BODY: &str =
        "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    assert_eq!(after(BODY, "HEAD").await.0, "good");
}

#[tokio::test]
async fn a_cut_body_looks_cut() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ] {
        let upstream = Upstream::answering_once(cut).await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        match client.try_answer("GET").await {
            // Nothing had gone to the client yet.
            Ok(answer) => assert_eq!(answer.status, 502, "{cut:?}: taken for a whole answer: {answer:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{cut:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_of_a_body_looks_cut() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.request().await?;
        conn.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await?;
        conn.reset();
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    match client.try_answer("GET").await {
        Ok(answer) => assert_eq!(answer.status, 502, "{answer:?}"),
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::InvalidData, "{error}"),
    }
}
