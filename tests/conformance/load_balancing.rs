//! Feature "Load Balancing".

use std::collections::HashSet;

use harness::{Manifests, Upstream, start};

#[tokio::test]
async fn a_hundred_requests_reach_all_of_ten_endpoints() {
    let mut echo = vec![Upstream::named("echo").await];
    let manifests = |echo: &[Upstream]| {
        Manifests::new().ingress("load-balancing").default_backend("echo", 80).service("echo", echo)
    };
    let mut harness = start(&manifests(&echo)).await;
    while echo.len() < 10 {
        echo.push(Upstream::named("echo").await);
    }
    harness.update(&manifests(&echo)).await;
    let mut endpoints = HashSet::new();
    for _ in 0..100 {
        let answer = harness.get("load-balancing", "/").await;
        assert_eq!(answer.status, 200);
        endpoints.insert(answer.header("x-endpoint").map(str::to_owned));
    }
    assert_eq!(endpoints.len(), 10, "{endpoints:?}");
}
