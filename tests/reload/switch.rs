//! A change is for everybody at once.

use harness::{Manifests, Upstream, start};

fn version(current: &Upstream) -> Manifests {
    Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80).service("web", [current])
}

#[tokio::test]
async fn the_next_request_on_every_connection_sees_a_change() {
    let upstreams = [Upstream::named("even").await, Upstream::named("odd").await];
    let mut harness = start(&version(&upstreams[0])).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(harness.connect().await);
    }
    for round in 1..20 {
        harness.update(&version(&upstreams[round % 2])).await;
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            let expected = ["even", "odd"][round % 2];
            assert_eq!(client.answer().await.text(), expected, "round {round}");
        }
    }
}

#[tokio::test]
async fn connections_to_endpoints_outlive_a_change_of_something_else() {
    let upstream = Upstream::named("web").await;
    let mut harness = start(&version(&upstream)).await;
    let mut client = harness.connect().await;
    for round in 0..10 {
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "web");
        let other = format!("other-{round}.test");
        harness.update(&version(&upstream).ingress("other").host(&other).prefix("/", "web", 80)).await;
        assert_eq!(harness.get(&other, "/").await.text(), "web");
    }
    let mut connections: Vec<_> = upstream.requests().iter().map(|got| got.connection).collect();
    connections.dedup();
    assert!(
        upstream.connections().len() <= 2,
        "one connection for each worker, not for each change: {connections:?}"
    );
}

#[tokio::test]
async fn a_websocket_outlives_every_change() {
    let upstream = Upstream::echo_tunnel().await;
    let other = Upstream::named("other").await;
    let mut harness = start(&version(&upstream)).await;
    let mut client = harness.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 101);
    for manifests in [version(&other), Manifests::new(), version(&upstream)] {
        harness.update(&manifests).await;
        client.send("ping").await;
        assert_eq!(client.exactly(4).await, b"ping");
    }
}
