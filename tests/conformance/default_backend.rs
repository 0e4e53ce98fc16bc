//! Feature "Default backend".

use harness::{Manifests, Upstream, start};

use super::exchange;

#[tokio::test]
async fn an_ingress_without_rules_sends_every_request_to_its_default_backend() {
    let echo = Upstream::named("echo").await;
    let manifests =
        Manifests::new().ingress("default-backend").default_backend("echo", 80).service("echo", [&echo]);
    let harness = start(&manifests).await;
    for (method, host, path) in [
        ("GET", "my-host", "/"),
        ("GET", "my-host", "/sub-path"),
        ("POST", "some-host", "/"),
        ("PUT", "127.0.0.1", "/resource"),
        ("DELETE", "some-host", "/resource"),
        ("PATCH", "my-host", "/resource"),
    ] {
        let (answer, got) = exchange(&harness, &echo, method, host, path).await;
        assert!(answer.head.start.starts_with("HTTP/1.1 200"), "{}", answer.head.start);
        for name in ["Content-Length", "Content-Type", "Date"] {
            assert!(answer.header(name).is_some(), "{name} of the answer to {method} {host}{path}");
        }
        assert_eq!(got.head.start, format!("{method} {path} HTTP/1.1"));
        assert_eq!(got.header("user-agent"), Some("conformance"));
    }
}
