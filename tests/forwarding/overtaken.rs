//! Answers that come before the endpoint has the whole request: neither direction waits for the other.

use harness::{Answer, Client, Harness, Upstream, serve_snapshot};
use ingress_proxy::Config;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than all buffers on the way hold.
const MUCH: usize = 24 * 1024 * 1024;

/// A proxy that lets bodies of any size through.
async fn serve(upstream: &Upstream) -> Harness {
    let mut route = Route::new(
        HostPattern::parse("a.test").expect("a host"),
        PathPattern::prefix("/").expect("a path"),
        Backend::Upstream("one".into()),
    );
    route.request_body.max_size = None;
    let snapshot = Snapshot::builder()
        .upstream(ingress_proxy::core::Upstream::new("one", [upstream.address()]))
        .route(route)
        .build()
        .expect("a snapshot");
    serve_snapshot(snapshot, Config::default()).await
}

/// The answer to a client that looks at it only when it has sent everything.
async fn post(harness: &Harness) -> (Client, Answer) {
    let mut client = harness.connect().await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {MUCH}\r\n\r\n")).await;
    client.send(vec![b'y'; MUCH]).await;
    let answer = client.answer().await;
    (client, answer)
}

#[tokio::test]
async fn a_client_may_send_everything_before_it_reads() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.head().await?;
        conn.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n")).await?;
        let (mut read, mut write) = tokio::io::split(conn);
        let (mut body, answer) = (vec![0; MUCH], vec![b'x'; MUCH]);
        tokio::try_join!(read.read_exact(&mut body), write.write_all(&answer))?;
        Ok(())
    })
    .await;
    let harness = serve(&upstream).await;
    let (_client, answer) = post(&harness).await;
    assert_eq!((answer.status, answer.body.len()), (200, MUCH));
}

#[tokio::test]
async fn what_follows_a_complete_answer_still_arrives() {
    for framing in
        ["Content-Length: 4\r\n\r\nstop", "Transfer-Encoding: chunked\r\n\r\n4\r\nstop\r\n0\r\n\r\n"]
    {
        let (got, arrived) = tokio::sync::oneshot::channel();
        let got = std::sync::Arc::new(std::sync::Mutex::new(Some(got)));
        let upstream = Upstream::script(move |mut conn| {
            let got = got.clone();
            async move {
                conn.head().await?;
                conn.write(format!("HTTP/1.1 401 Unauthorized\r\n{framing}")).await?;
                let body = conn.exactly(MUCH).await?;
                let got = got.lock().expect("a lock").take();
                let _ = got.expect("one connection").send(body.len());
                Ok(())
            }
        })
        .await;
        let harness = serve(&upstream).await;
        let (_client, answer) = post(&harness).await;
        assert_eq!((answer.status, answer.text()), (401, "stop"));
        assert_eq!(arrived.await.expect("the whole request"), MUCH, "{framing}");
    }
}

#[tokio::test]
async fn a_client_is_listened_to_though_the_endpoint_takes_no_more() {
    let upstream = Upstream::script(|mut conn| async move {
        conn.head().await?;
        conn.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
            .await?;
        conn.half_close().await?;
        // Nothing is read, and nothing is reset.
        conn.gone().await;
        Ok(())
    })
    .await;
    let harness = serve(&upstream).await;
    let (_client, answer) = post(&harness).await;
    assert_eq!((answer.status, answer.text()), (413, "stop"));
}
