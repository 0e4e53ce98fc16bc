//! What the Kubernetes project asks of every Ingress controller, scenario by scenario. Each module is one of its features; the scenarios
//! are told in our own words. Those that need a cluster (status, Secrets) are tested where a cluster is at hand.

mod default_backend;
mod host_rules;
mod ingress_class;
mod load_balancing;
mod path_rules;

use harness::{Answer, Harness, Recorded, Upstream};

/// Sends a request with `method` and returns the answer and what `upstream` got.
async fn exchange(
    harness: &Harness,
    upstream: &Upstream,
    method: &str,
    host: &str,
    path: &str,
) -> (Answer, Recorded) {
    let before = upstream.count();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: conformance\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = harness.send(request).await;
    assert_eq!(answer.status, 200, "{method} {host}{path}");
    let requests = upstream.requests();
    assert_eq!(
        requests.len(),
        before + 1,
        "{method} {host}{path}: not served by the service that it should be"
    );
    (answer, requests.into_iter().next_back().unwrap_or_default())
}

/// A GET of `host` and `path` is served by `upstream`, which sees both as they are.
async fn served(harness: &Harness, upstream: &Upstream, host: &str, path: &str) {
    let (_, got) = exchange(harness, upstream, "GET", host, path).await;
    assert_eq!((got.head.method(), got.head.target(), got.header("host")), ("GET", path, Some(host)));
}

/// A GET of `host` and `path` is routed nowhere.
async fn not_routed(harness: &Harness, host: &str, path: &str) {
    assert_eq!(harness.get(host, path).await.status, 404, "{host}{path}");
}
