//! Round robin, and endpoints that come and go.

use harness::{Harness, Manifests, Upstream, serve};

use super::endpoints;

/// How many workers the harness starts; each goes round on its own.
const WORKERS: usize = 2;

fn manifests<'u>(upstreams: impl IntoIterator<Item = &'u Upstream>) -> Manifests {
    Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80).service("web", upstreams)
}

/// Sends `requests` on each of so many connections.
async fn traffic(harness: &Harness, connections: usize, requests: usize) {
    for _ in 0..connections {
        let mut client = harness.connect().await;
        for _ in 0..requests {
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            assert_eq!(client.answer().await.status, 200);
        }
    }
}

fn assert_even(upstreams: &[Upstream]) {
    let counts: Vec<_> = upstreams.iter().map(Upstream::count).collect();
    let (least, most) = (counts.iter().min(), counts.iter().max());
    let spread = most.zip(least).map_or(0, |(most, least)| most - least);
    assert!(spread <= WORKERS, "uneven: {counts:?}");
}

#[tokio::test]
async fn every_endpoint_gets_its_share() {
    let upstreams = endpoints(5).await;
    let harness = serve(&manifests(&upstreams)).await;
    traffic(&harness, 20, 10).await;
    assert_eq!(upstreams.iter().map(Upstream::count).sum::<usize>(), 200);
    assert_even(&upstreams);
}

#[tokio::test]
async fn connections_of_one_request_are_spread_too() {
    let upstreams = endpoints(3).await;
    let harness = serve(&manifests(&upstreams)).await;
    traffic(&harness, 60, 1).await;
    assert_even(&upstreams);
}

#[tokio::test]
async fn an_endpoint_listed_twice_counts_once() {
    let upstreams = endpoints(2).await;
    let twice = [&upstreams[0], &upstreams[0], &upstreams[0], &upstreams[1]];
    let harness = serve(&manifests(twice)).await;
    traffic(&harness, 4, 10).await;
    assert_even(&upstreams);
}

#[tokio::test]
async fn endpoints_come_and_go_while_connections_stay() {
    let upstreams = endpoints(3).await;
    let mut harness = serve(&manifests(&upstreams[..1])).await;
    let mut client = harness.connect().await;
    let mut ask = async |harness: &mut Harness, now: &[&Upstream]| {
        harness.update(&manifests(now.iter().copied())).await;
        let before: Vec<_> = upstreams.iter().map(Upstream::count).collect();
        for _ in 0..12 {
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            assert_eq!(client.answer().await.status, 200);
        }
        let counted = upstreams.iter().zip(before).map(|(upstream, before)| upstream.count() - before);
        counted.collect::<Vec<_>>()
    };
    assert_eq!(ask(&mut harness, &[&upstreams[0]]).await, [12, 0, 0]);
    assert_eq!(ask(&mut harness, &[&upstreams[0], &upstreams[1], &upstreams[2]]).await, [4, 4, 4]);
    assert_eq!(ask(&mut harness, &[&upstreams[1], &upstreams[2]]).await, [0, 6, 6]);
    assert_eq!(ask(&mut harness, &[&upstreams[2]]).await, [0, 0, 12]);
}

#[tokio::test]
async fn the_last_endpoint_gone_is_503_and_a_new_one_serves_again() {
    let upstreams = endpoints(1).await;
    let mut harness = serve(&manifests(&upstreams)).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    harness.update(&manifests([])).await;
    assert_eq!(harness.get("a.test", "/").await.status, 503);
    harness.update(&manifests(&upstreams)).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn idle_connections_to_an_endpoint_that_is_gone_are_closed() {
    let upstreams = endpoints(2).await;
    let mut harness = serve(&manifests(&upstreams)).await;
    traffic(&harness, 20, 2).await;
    harness.update(&manifests(&upstreams[1..])).await;
    // A worker learns of the change with its next request.
    traffic(&harness, 40, 1).await;
    upstreams[0].wait_all_closed().await;
}
