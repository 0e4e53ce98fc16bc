//! Many at once.

use harness::{Load, Manifests, Plan, Tally, Upstream, start};

use super::{PATIENCE, draining, ended};

/// Drains in the midst of such a load and returns what became of it.
async fn drained_under(plan: impl Fn(std::net::SocketAddr) -> Plan, warm: usize) -> Tally {
    let upstreams = [Upstream::named("one").await, Upstream::named("two").await];
    let manifests =
        Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80).service("web", &upstreams);
    let harness = start(&manifests).await;
    let mut load: Load = plan(harness.address()).start();
    load.reached(warm).await;
    let drained = draining(harness, PATIENCE).await;
    let tally = load.join().await;
    assert_eq!(ended(drained).await.cut, 0, "{tally:?}");
    let seen: usize = upstreams.iter().map(Upstream::count).sum();
    assert!(tally.good >= warm && tally.failures.is_empty(), "{tally:?}");
    assert_eq!(seen, tally.good, "every request that reached an endpoint is answered: {tally:?}");
    tally
}

#[tokio::test]
async fn a_drain_under_load_on_kept_connections_loses_nothing() {
    for _ in 0..3 {
        drained_under(|address| Plan::get(address, 32, "a.test", "/"), 2000).await;
    }
}

#[tokio::test]
async fn a_drain_under_load_of_new_connections_loses_nothing() {
    for _ in 0..3 {
        let plan = |address| {
            let mut plan = Plan::get(address, 32, "a.test", "/");
            plan.requests_per_connection = 1;
            plan
        };
        let tally = drained_under(plan, 1000).await;
        assert!(
            tally.unaccepted <= 32,
            "each client ends with the first connection that is not taken: {tally:?}"
        );
    }
}

#[tokio::test]
async fn a_drain_under_load_of_uploads_loses_nothing() {
    let body = "x".repeat(20_000);
    let request = format!("PUT /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let plan = |address| {
        let mut plan = Plan::get(address, 16, "a.test", "/");
        let request = request.clone();
        plan.request = std::sync::Arc::new(move |_| request.clone());
        plan
    };
    drained_under(plan, 500).await;
}
