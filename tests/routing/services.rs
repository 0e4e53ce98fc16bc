//! From the backend of a rule to endpoints.

use harness::{Manifests, Port, start};
use serde_json::json;

use super::{answers, named, who_answers};

#[tokio::test]
async fn a_service_without_endpoints_is_503_and_an_unknown_path_404() {
    let [web] = named(["web"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/empty", "empty", 80)
        .prefix("/missing", "missing", 80)
        .prefix("/port", "web", 81)
        .prefix("/name", "web", "nope")
        .prefix("/web", "web", 80)
        .service("web", [&web])
        .service("empty", []);
    let harness = start(&manifests).await;
    let expected = [
        ("/empty", "503"),
        ("/missing", "503"),
        ("/port", "503"),
        ("/name", "503"),
        ("/web", "web"),
        ("/", "404"),
    ];
    answers(&harness, "h.test", &expected).await;
}

#[tokio::test]
async fn a_port_is_found_by_number_or_name() {
    let [web, admin] = named(["web", "admin"]).await;
    let slice = |name: &str, web: u16, admin: u16| {
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "namespace": "default", "name": name, "labels": { "kubernetes.io/service-name": "web" } },
            "ports": [{ "name": "admin", "port": admin }, { "name": "http", "port": web }],
            "endpoints": [{ "addresses": ["127.0.0.1"] }],
        })
    };
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "default", "name": "web" },
        "spec": { "ports": [
            { "name": "http", "port": 80, "targetPort": "web-port" },
            { "name": "admin", "port": 9000, "targetPort": 1 },
        ] },
    });
    let mut manifests = Manifests::new().document(service).document(slice(
        "web-1",
        web.address().port(),
        admin.address().port(),
    ));
    let ports: [(&str, Port); 4] =
        [("/a", 80.into()), ("/b", "http".into()), ("/c", 9000.into()), ("/d", "admin".into())];
    manifests = manifests.ingress("web").host("h.test");
    for (path, port) in ports {
        manifests = manifests.prefix(path, "web", port);
    }
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/a", "web"), ("/b", "web"), ("/c", "admin"), ("/d", "admin")]).await;
}

#[tokio::test]
async fn only_ready_endpoints_are_used() {
    let [ready, unready, unknown] = named(["ready", "unready", "unknown"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/", "web", 80)
        .service("web", [])
        .endpoint("web", ready.address(), &json!({ "ready": true }))
        .endpoint("web", unready.address(), &json!({ "ready": false }))
        .endpoint("web", unknown.address(), &json!({}));
    let harness = start(&manifests).await;
    for _ in 0..12 {
        assert_ne!(who_answers(&harness, "h.test", "/").await, "unready");
    }
    assert!(ready.count() > 0 && unknown.count() > 0, "{} {}", ready.count(), unknown.count());
}

#[tokio::test]
async fn endpoints_that_are_ending_serve_while_there_are_no_others() {
    let [ending, gone] = named(["ending", "gone"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/", "web", 80)
        .service("web", [])
        .endpoint("web", ending.address(), &json!({ "ready": false, "serving": true, "terminating": true }))
        .endpoint("web", gone.address(), &json!({ "ready": false, "serving": false, "terminating": true }));
    let harness = start(&manifests).await;
    for _ in 0..6 {
        assert_eq!(who_answers(&harness, "h.test", "/").await, "ending");
    }
}

#[tokio::test]
async fn one_service_serves_several_hosts_and_paths() {
    let [web] = named(["web"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/x", "web", 80)
        .host("b.test")
        .exact("/y", "web", "http")
        .service("web", [&web]);
    let harness = start(&manifests).await;
    assert_eq!(who_answers(&harness, "a.test", "/x").await, "web");
    assert_eq!(who_answers(&harness, "b.test", "/y").await, "web");
    assert_eq!(who_answers(&harness, "b.test", "/x").await, "404");
}
