//! WebSocket, and what only looks like it.

use std::time::Duration;

use harness::{Client, Gate, Harness, Upstream, one, serve_one, serve_set};
use ingress_core::Settings;
use ingress_proxy::Config;

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An endpoint that switches when the gate is open, sends `hello`, and then returns every four bytes as they came.
async fn echo(gate: Gate) -> Upstream {
    Upstream::script(move |mut conn| {
        let gate = gate.clone();
        async move {
            let Some(head) = conn.head().await? else { return Ok(()) };
            if head.get("upgrade").is_none() {
                return conn.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            }
            gate.passed().await;
            conn.write(SWITCH).await?;
            conn.write("hello").await?;
            loop {
                let bytes = conn.exactly(4).await?;
                conn.write(bytes).await?;
            }
        }
    })
    .await
}

async fn switched(harness: &Harness) -> Client {
    let mut client = harness.connect().await;
    client.send(UPGRADE).await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.exactly(5).await, b"hello");
    client
}

fn open() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways() {
    let upstream = echo(open()).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(UPGRADE).await;
    let head = client.head().await;
    assert_eq!(head.status(), 101);
    assert!(head.lists("connection", "upgrade") && head.lists("upgrade", "websocket"), "{head:?}");
    assert_eq!(head.get("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.exactly(5).await, b"hello");
    for _ in 0..50 {
        client.send("ping").await;
        assert_eq!(client.exactly(4).await, b"ping");
    }
    let got = upstream.only_request();
    assert!(got.head.lists("connection", "upgrade") && got.head.lists("upgrade", "websocket"), "{got:?}");
    assert_eq!(got.header("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn nothing_follows_an_upgrade_before_it_is_granted() {
    let gate = Gate::default();
    let upstream = echo(gate.clone()).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(format!("{UPGRADE}earl")).await;
    upstream.wait_requests(1).await;
    // Long enough for a proxy that would pass the bytes on to do so: other requests go through meanwhile.
    for _ in 0..40 {
        assert_eq!(harness.get("a.test", "/").await.status, 200);
    }
    let before = upstream.connections().remove(0);
    assert!(before.ends_with(b"\r\n\r\n"), "{}", before.escape_ascii());
    gate.open();
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.exactly(9).await, b"helloearl");
}

#[tokio::test]
async fn either_side_may_end_a_websocket() {
    let upstream = echo(open()).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let client = switched(&harness).await;
    drop(client);
    upstream.wait_all_closed().await;

    let ending = Upstream::script(|mut conn| async move {
        conn.head().await?;
        conn.write(SWITCH).await?;
        conn.write("hello").await?;
        conn.exactly(3).await?;
        conn.write("bye").await
    })
    .await;
    let harness = serve_one(&ending, Config::default()).await;
    let mut client = switched(&harness).await;
    client.send("end").await;
    assert_eq!(client.closed().await, b"bye");
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let upstream = Upstream::script(|mut conn| async move {
        while let Some(request) = conn.request().await? {
            let status = if request.header("upgrade").is_some() { "403 Forbidden" } else { "200 OK" };
            conn.write(format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nbody")).await?;
        }
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(UPGRADE).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (403, "body"));
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    let connections: Vec<_> = upstream.requests().iter().map(|got| got.connection).collect();
    assert_eq!(connections, [0, 1], "the connection of a refused upgrade is not used again");
}

#[tokio::test]
async fn an_ordinary_answer_opens_no_tunnel() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.request().await?;
        conn.write(
            "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok",
        )
        .await?;
        conn.gone().await;
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send(UPGRADE).await;
    assert_eq!(client.answer().await.status, 200);
    let _ = client.try_send("GET /tunnelled HTTP/1.1\r\nHost: unknown.test\r\n\r\n").await;
    let _ = client.try_answer("GET").await;
    for bytes in upstream.connections() {
        assert!(!bytes.escape_ascii().to_string().contains("tunnelled"), "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn only_a_get_of_http_1_1_without_a_body_can_upgrade() {
    for request in [
        "POST /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody",
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /ws HTTP/1.0\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n",
    ] {
        never_switched(request).await;
    }
}

#[tokio::test]
async fn http_2_is_not_negotiated_behind_the_back_of_the_proxy() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ] {
        never_switched(request).await;
    }
}

/// The request is refused, or forwarded as an ordinary one.
async fn never_switched(request: &str) {
    let upstream = echo(open()).await;
    let harness = serve_one(&upstream, Config::default()).await;
    let answer = harness.send(request).await;
    assert!([200, 400].contains(&answer.status), "{request:?}: {answer:?}");
    for got in upstream.requests() {
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(got.header(name), None, "{request:?}");
        }
    }
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_a_bad_answer() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.request().await?;
        conn.write(SWITCH).await?;
        conn.gone().await;
        Ok(())
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 502);
}

#[tokio::test]
async fn a_tunnel_may_be_silent_for_longer_than_a_head() {
    let short = Duration::from_millis(200);
    let upstream = Upstream::script(move |mut conn| async move {
        conn.head().await?;
        conn.write(SWITCH).await?;
        let mut drip = tokio::time::interval(short / 2);
        for _ in 0..8 {
            drip.tick().await;
            conn.write("tick").await?;
        }
        let last = conn.exactly(4).await?;
        conn.write(last).await
    })
    .await;
    let mut settings = Settings::default();
    (settings.client_header_timeout, settings.keep_alive) = (short, short);
    let harness = serve_set(&one(&upstream), settings).await;
    let mut client = harness.connect().await;
    client.send(UPGRADE).await;
    assert_eq!(client.head().await.status(), 101);
    for _ in 0..8 {
        assert_eq!(client.exactly(4).await, b"tick");
    }
    client.send("done").await;
    assert_eq!(client.closed().await, b"done");
}
