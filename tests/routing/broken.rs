//! Objects with defects: each degrades only itself.

use harness::{Manifests, start};
use serde_json::json;

use super::{answers, named, who_answers};

/// A good Ingress for `good.test`, beside whatever else a test adds.
fn good() -> Manifests {
    Manifests::new().ingress("good").host("good.test").prefix("/", "web", 80)
}

#[tokio::test]
async fn a_broken_ingress_does_not_affect_its_neighbours() {
    let [web] = named(["web"]).await;
    let long = format!("{}.test", "x".repeat(300));
    let manifests = good()
        .ingress("long-host")
        .host(&long)
        .prefix("/", "web", 80)
        .ingress("address")
        .host("10.0.0.1")
        .prefix("/", "web", 80)
        .ingress("bad-path")
        .host("paths.test")
        .prefix("/../up", "web", 80)
        .prefix("/nul%00", "web", 80)
        .prefix("/fine", "web", 80)
        .prefix("/a b{c}", "web", 80)
        .ingress("bad-type")
        .host("types.test")
        .path("Regex", "/strange", "web", 80)
        .prefix("/fine", "web", 80)
        .service("web", [&web]);
    let harness = start(&manifests).await;
    assert_eq!(who_answers(&harness, "good.test", "/").await, "web");
    answers(&harness, "paths.test", &[("/fine", "web"), ("/a%20b%7Bc%7D/x", "web"), ("/up", "404")]).await;
    answers(&harness, "types.test", &[("/fine", "web")]).await;
}

#[tokio::test]
async fn a_resource_backend_is_passed_over() {
    let [web] = named(["web"]).await;
    let bucket = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "namespace": "default", "name": "bucket" },
        "spec": { "rules": [{ "host": "good.test", "http": { "paths": [
            { "path": "/icons", "pathType": "Prefix",
              "backend": { "resource": { "apiGroup": "k8s.example.com", "kind": "Bucket", "name": "icons" } } },
        ] } }] },
    });
    let harness = start(&good().document(bucket).service("web", [&web])).await;
    answers(&harness, "good.test", &[("/icons", "web"), ("/", "web")]).await;
}

#[tokio::test]
async fn a_file_that_is_no_yaml_does_not_affect_the_others() {
    let [web] = named(["web"]).await;
    let manifests = good().service("web", [&web]).file("broken.yaml", "kind: Ingress\n  spec: [unclosed\n");
    let harness = start(&manifests).await;
    assert_eq!(who_answers(&harness, "good.test", "/").await, "web");
}

#[tokio::test]
async fn a_file_that_breaks_keeps_its_last_good_state() {
    let [web, more] = named(["web", "more"]).await;
    let extra = |path: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: extra\nspec:\n  rules:\n  - host: extra.test\n    \
             http:\n      paths:\n      - path: {path}\n        pathType: Prefix\n        backend:\n          service:\n            \
             name: more\n            port:\n              number: 80\n"
        )
    };
    let base = || good().service("web", [&web]).service("more", [&more]);
    let mut harness = start(&base().file("extra.yaml", &extra("/one"))).await;
    answers(&harness, "extra.test", &[("/one", "more"), ("/two", "404")]).await;
    let half = extra("/two");
    let half = half.split_once("backend").map(|(half, _)| format!("{half}backend: [")).unwrap_or_default();
    harness.update(&base().file("extra.yaml", &half)).await;
    answers(&harness, "extra.test", &[("/one", "more"), ("/two", "404")]).await;
    assert_eq!(who_answers(&harness, "good.test", "/").await, "web");
    harness.update(&base().file("extra.yaml", &extra("/two"))).await;
    answers(&harness, "extra.test", &[("/one", "404"), ("/two", "more")]).await;
}

#[tokio::test]
async fn what_is_removed_is_gone() {
    let [web] = named(["web"]).await;
    let both = good().ingress("second").host("second.test").prefix("/", "web", 80).service("web", [&web]);
    let mut harness = start(&both).await;
    assert_eq!(who_answers(&harness, "second.test", "/").await, "web");
    harness.update(&good().service("web", [&web])).await;
    assert_eq!(who_answers(&harness, "second.test", "/").await, "404");
    assert_eq!(who_answers(&harness, "good.test", "/").await, "web");
    harness.update(&good()).await;
    assert_eq!(who_answers(&harness, "good.test", "/").await, "503");
}
