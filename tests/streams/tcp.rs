//! TCP services: from the ConfigMap to the endpoints, and what changes while connections are open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::world::ReservedPort;
use harness::{Client, Manifests, ServicePort, Upstream, until, within};
use tokio::task::JoinSet;

use crate::{connect, echo, line, local, serve};

fn services(ports: &[(u16, &str)]) -> Manifests {
    let keys: Vec<_> = ports.iter().map(|(port, _)| port.to_string()).collect();
    let data: Vec<_> = keys.iter().zip(ports).map(|(key, (_, value))| (key.as_str(), *value)).collect();
    Manifests::new().config_map("tcp", &data)
}

fn with(manifests: Manifests, name: &str, endpoints: &[&Upstream]) -> Manifests {
    let endpoints = endpoints.iter().map(|upstream| upstream.address());
    manifests.service_ports(name, &[ServicePort::tcp(6379, endpoints)])
}

async fn says(client: &mut Client, text: &str) {
    client.send(text).await;
    assert_eq!(client.exactly(text.len()).await, text.as_bytes());
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_way_ends_by_itself() {
    let (held, redis) = (ReservedPort::new(), echo("redis").await);
    let port = held.address().port();
    let _harness = serve(&with(services(&[(port, "default/redis:6379")]), "redis", &[&redis])).await;
    let mut client = connect(port).await;
    // The endpoint may speak first.
    assert_eq!(line(&mut client).await, "redis");
    says(&mut client, "ping").await;
    client.send("x".repeat(1 << 16)).await;
    assert_eq!(client.exactly(1 << 16).await.len(), 1 << 16);
    client.send("last").await;
    client.half_close().await;
    assert_eq!(client.closed().await, b"last", "what was on its way still comes");
    redis.wait_all_closed().await;
}

#[tokio::test]
async fn one_side_may_end_long_before_the_other() {
    let held = ReservedPort::new();
    // It ends its half at once, and then says what it got.
    let ending = Upstream::script(|mut conn| async move {
        conn.write("hello\n").await?;
        conn.half_close().await?;
        conn.rest().await.map(drop)
    })
    .await;
    let port = held.address().port();
    let _harness = serve(&with(services(&[(port, "default/ending:tcp-6379")]), "ending", &[&ending])).await;
    let mut client = connect(port).await;
    assert_eq!(client.closed().await, b"hello\n");
    for part in ["one ", "two ", "three"] {
        client.send(part).await;
    }
    ending.wait_bytes(0, "one two three").await;
    client.half_close().await;
    ending.wait_all_closed().await;
}

#[tokio::test]
async fn connections_are_spread_and_follow_the_endpoints() {
    let held = ReservedPort::new();
    let port = held.address().port();
    let (a, b, c) = (echo("a").await, echo("b").await, echo("c").await);
    let manifests = |endpoints: &[&Upstream]| with(services(&[(port, "default/db:6379")]), "db", endpoints);
    let mut harness = serve(&manifests(&[&a, &b])).await;
    let names = async || {
        let mut names = BTreeSet::new();
        for _ in 0..16 {
            names.insert(line(&mut connect(port).await).await);
        }
        names.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["a", "b"]);
    let mut kept = connect(port).await;
    let to = line(&mut kept).await;
    harness.update(&manifests(&[&c])).await;
    assert_eq!(names().await, ["c"]);
    says(&mut kept, &to).await;
    // With nobody to go to, connections are taken and closed.
    harness.update(&manifests(&[])).await;
    until("connections to be closed", async || {
        Client::try_connect(local(port)).await.ok()?.closed().await.is_empty().then_some(())
    })
    .await;
    says(&mut kept, &to).await;
    harness.update(&manifests(&[&a])).await;
    assert_eq!(names().await, ["a"]);
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_passed_over() {
    let held = ReservedPort::new();
    let port = held.address().port();
    let (good, refusing) = (echo("good").await, Upstream::refusing());
    let _harness = serve(&with(services(&[(port, "default/db:6379")]), "db", &[&good, &refusing])).await;
    for _ in 0..8 {
        assert_eq!(line(&mut connect(port).await).await, "good");
    }
}

#[tokio::test]
async fn ports_come_and_go_without_touching_others() {
    let held = [ReservedPort::new(), ReservedPort::new()];
    let [one, two] = [&held[0], &held[1]].map(|held| held.address().port());
    let (a, b) = (echo("a").await, echo("b").await);
    let manifests = |ports: &[(u16, &str)]| with(with(services(ports), "a", &[&a]), "b", &[&b]);
    let mut harness = serve(&manifests(&[(one, "default/a:6379")])).await;
    let mut kept = connect(one).await;
    assert_eq!(line(&mut kept).await, "a");
    assert!(Client::try_connect(local(two)).await.is_err());

    harness.update(&manifests(&[(one, "default/a:6379"), (two, "default/b:6379")])).await;
    let mut other = connect(two).await;
    assert_eq!(line(&mut other).await, "b");
    says(&mut kept, "still here").await;

    // Another Service behind the same port: from the next connection on.
    harness.update(&manifests(&[(one, "default/b:6379"), (two, "default/b:6379")])).await;
    assert_eq!(line(&mut connect(one).await).await, "b");
    says(&mut kept, "still a").await;

    harness.update(&manifests(&[(two, "default/b:6379")])).await;
    until("the port to be closed", async || Client::try_connect(local(one)).await.err()).await;
    says(&mut kept, "even now").await;
    says(&mut other, "and here").await;

    harness.update(&manifests(&[(one, "default/a:6379"), (two, "default/b:6379")])).await;
    assert_eq!(line(&mut connect(one).await).await, "a");
}

#[tokio::test]
async fn a_port_that_is_led_elsewhere_loses_no_connection() {
    let held = ReservedPort::new();
    let port = held.address().port();
    let (a, b) = (echo("a").await, echo("b").await);
    let manifests = |value: &str| with(with(services(&[(port, value)]), "a", &[&a]), "b", &[&b]);
    let mut harness = serve(&manifests("default/a:6379")).await;
    drop(connect(port).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let stop = stop.clone();
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let name = line(&mut Client::connect(local(port)).await).await;
                assert!(name == "a" || name == "b", "a connection was lost: {name:?}");
            }
        });
    }
    for round in 0..60 {
        let value = ["default/b:6379", "default/a:6379"][round % 2];
        harness.update(&manifests(value)).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = within("clients to stop", clients.join_next()).await {
        ended.expect("every connection goes somewhere");
    }
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let held = ReservedPort::new();
    let port = held.address().port();
    let redis = echo("redis").await;
    let manifests = with(services(&[(port, "default/redis:6379")]), "redis", &[&redis]);
    let _harness = serve(&manifests.config_map("settings", &[("proxy-stream-timeout", "1s")])).await;
    let mut client = connect(port).await;
    assert_eq!(line(&mut client).await, "redis");
    assert_eq!(client.closed().await, b"");
    redis.wait_all_closed().await;
}

#[tokio::test]
async fn what_cannot_be_served_is_told_of_and_the_rest_is_served() {
    let held = ReservedPort::new();
    let port = held.address().port();
    let good = echo("good").await;
    let first = with(services(&[(port, "default/good:6379")]), "good", &[&good]);
    let mut harness = serve(&first).await;
    let bad = [
        (8181, "default/good:6379", "8181"),
        (10_246, "default/good:6379", "10246"),
        (5001, "nonsense", "nonsense"),
        (5002, "default/missing:6379", "missing"),
        (5003, "default/good:1", "default/good"),
    ];
    let ports: Vec<_> =
        bad.iter().map(|(port, value, _)| (*port, *value)).chain([(port, "default/good:6379")]).collect();
    harness.update(&with(services(&ports), "good", &[&good])).await;
    for (port, _, text) in bad {
        harness.finding(&["default/tcp", &format!("[{port}]"), text]);
    }
    assert_eq!(line(&mut connect(port).await).await, "good");
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_served_when_it_is_free() {
    let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (held, a) = (ReservedPort::new(), echo("a").await);
    let (free, port) = (held.address().port(), taken.local_addr().unwrap().port());
    let services = services(&[(port, "default/a:6379"), (free, "default/a:6379")]);
    let harness = serve(&with(services, "a", &[&a])).await;
    assert_eq!(line(&mut connect(free).await).await, "a");
    drop(taken);
    assert_eq!(line(&mut connect(port).await).await, "a");
    drop(harness);
}
