//! What the workers count.

use std::time::Duration;

use harness::{DEADLINE, Gate, Harness, Upstream, one, serve_one};
use ingress_proxy::{Config, Counts};

/// Waits until the counts are such. There is nothing that tells of a change, so they are looked at again and again.
async fn wait(harness: &Harness, what: &str, is: impl Fn(&Counts) -> bool) {
    let begun = tokio::time::Instant::now();
    let mut look = tokio::time::interval(Duration::from_millis(5));
    while !is(&harness.counts()) {
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}: {:?}", harness.counts());
        look.tick().await;
    }
}

fn states(counts: &Counts) -> [u64; 4] {
    [counts.active, counts.reading, counts.writing, counts.waiting]
}

#[tokio::test]
async fn connections_are_counted_by_what_they_do() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let upstream = Upstream::script(move |mut conn| {
        let gate = waiting.clone();
        async move {
            conn.request().await?;
            gate.passed().await;
            conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await
        }
    })
    .await;
    let harness = serve_one(&upstream, Config::default()).await;
    let mut client = harness.connect().await;
    wait(&harness, "a connection", |counts| states(counts) == [1, 0, 0, 1]).await;
    client.send("GET / HTTP/1.1\r\n").await;
    wait(&harness, "half a head", |counts| states(counts) == [1, 1, 0, 0]).await;
    client.send("Host: a.test\r\n\r\n").await;
    wait(&harness, "a request", |counts| states(counts) == [1, 0, 1, 0]).await;
    gate.open();
    assert_eq!(client.answer().await.status, 200);
    wait(&harness, "its end", |counts| states(counts) == [1, 0, 0, 1]).await;
    client.send("GET / HTTP/1.1\r\nHost").await;
    wait(&harness, "half a head again", |counts| states(counts) == [1, 1, 0, 0]).await;
    drop(client);
    wait(&harness, "the end", |counts| states(counts) == [0, 0, 0, 0]).await;
    let counts = harness.counts();
    assert_eq!((counts.accepted, counts.handled, counts.requests), (1, 1, 1));
}

#[tokio::test]
async fn a_tunnel_is_being_written() {
    let upstream = Upstream::echo_tunnel().await;
    let harness = harness::serve(&one(&upstream)).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 101);
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, b"ping");
    assert_eq!(states(&harness.counts()), [1, 0, 1, 0]);
    drop(client);
    wait(&harness, "the end", |counts| states(counts) == [0, 0, 0, 0]).await;
}
