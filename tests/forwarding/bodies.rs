//! Bodies: they flow while they come, and what arrives is what was sent.

use harness::{Upstream, serve_one};
use ingress_proxy::Config;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn the_first_bytes_of_a_request_arrive_before_the_last_are_sent() {
    for (framing, first, last) in [
        ("Content-Length: 9", "first", "last"),
        ("Transfer-Encoding: chunked", "5\r\nfirst\r\n", "4\r\nlast\r\n0\r\n\r\n"),
    ] {
        let upstream = Upstream::answering(OK).await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        client.send(format!("POST /up HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n{first}")).await;
        upstream.wait_bytes(0, "first").await;
        client.send(last).await;
        assert_eq!(client.answer().await.text(), "ok", "{framing}");
        let got = upstream.only_request();
        assert_eq!((got.body.as_slice(), got.complete), (&b"firstlast"[..], true), "{framing}");
    }
}

#[tokio::test]
async fn a_body_that_no_length_announces_arrives_with_any_method() {
    for method in ["GET", "HEAD", "DELETE", "QUERY"] {
        let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let harness = serve_one(&upstream, Config::default()).await;
        let mut client = harness.connect().await;
        let head = format!("{method} / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(head + "5\r\nquery\r\n0\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204, "{method}");
        let got = upstream.only_request();
        assert_eq!((got.body.as_slice(), got.complete), (&b"query"[..], true), "{method}");
    }
}

#[tokio::test]
async fn the_first_bytes_of_an_answer_arrive_before_the_last_are_sent() {
    let (upstream, opened) = Upstream::in_two_parts().await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.chunk().await.as_deref(), Some(&b"first"[..]));
    opened.open();
    assert_eq!(client.chunk().await.as_deref(), Some(&b"last"[..]));
    assert_eq!(client.chunk().await, None);
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.head().await?;
        conn.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n").await?;
        for _ in 0..2 {
            let ping = conn.exactly(4).await?;
            conn.write(ping).await?;
        }
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    for ping in ["one ", "two "] {
        client.send(ping).await;
        assert_eq!(client.exactly(4).await, ping.as_bytes());
    }
}

/// Bytes that repeat only after a long while.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn large_bodies_arrive_unchanged() {
    let (up, down) = (noise(900 * 1024), noise(8 * 1024 * 1024));
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", down.len()).into_bytes();
    answer.extend(&down);
    let upstream = Upstream::answering(answer).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut request =
        format!("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", up.len()).into_bytes();
    request.extend(&up);
    let answer = harness.send(request).await;
    assert!(answer.status == 200 && answer.body == down, "{} bytes of {}", answer.body.len(), down.len());
    assert!(upstream.only_request().body == up, "the upload arrives as it was sent");
}

#[tokio::test]
async fn a_chunked_request_is_framed_anew() {
    let upstream = Upstream::answering(OK).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let request = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n\
        00003;name=\"value\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Evil: 1\r\nHost: evil.test\r\n\r\n";
    let answer = harness.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let got = upstream.only_request();
    assert_eq!(got.body, b"abc0123456789");
    assert_eq!(got.trailers, [], "trailers of a request go no further");
    let bytes = upstream.connections().remove(0);
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("name=") && !text.contains("X-Evil") && !text.contains("evil.test"), "{text}");
}

#[tokio::test]
async fn a_post_without_a_length_has_an_empty_body() {
    let upstream = Upstream::answering(OK).await;
    let harness = serve_one(&upstream, Config::default()).await;
    assert_eq!(harness.send("POST / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.status, 200);
    assert_eq!(upstream.only_request().body, b"");
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.head().await?;
        conn.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop").await?;
        conn.half_close().await?;
        conn.gone().await;
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\nsome").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (403, "stop"));
    // What is left of the body must not be taken for a request.
    let _ = client.try_send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    drop(client);
    upstream.wait_all_closed().await;
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn an_answer_reaches_a_client_whose_body_nobody_reads() {
    let upstream = Upstream::answering(OK).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let body = noise(900 * 1024);
    for _ in 0..5 {
        let head = format!("POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = harness.send([head.as_bytes(), &body].concat()).await;
        assert_eq!(answer.status, 404);
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_connection_with_half_a_body_is_not_used_again() {
    let upstream = Upstream::script(|mut conn| async move {
        while let Some(head) = conn.head().await? {
            // As an endpoint does that answers first and reads the rest later.
            conn.write(OK).await?;
            conn.body(&head).await?;
        }
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("PUT /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40\r\n\r\nhalf").await;
    assert_eq!(client.answer().await.text(), "ok");
    for _ in 0..8 {
        assert_eq!(harness.get("a.test", "/next").await.text(), "ok");
    }
    let first = upstream.connections().remove(0);
    assert!(!first.escape_ascii().to_string().contains("/next"), "{}", first.escape_ascii());
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_along() {
    let upstream = Upstream::stalling().await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    upstream.wait_requests(1).await;
    drop(client);
    upstream.wait_all_closed().await;
}

#[tokio::test]
async fn an_upload_that_is_cut_off_looks_cut_off() {
    let upstream = Upstream::answering(OK).await;
    let harness = serve_one(&upstream, Config::default()).await;
    for framing in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let before = upstream.count();
        let mut client = harness.connect().await;
        client.send(format!("PUT / HTTP/1.1\r\nHost: a.test\r\n{framing}")).await;
        upstream.wait_requests(before + 1).await;
        drop(client);
        upstream.wait_all_closed().await;
        assert!(!upstream.requests()[before].complete, "{framing}");
    }
}
