//! Labels, fields and namespaces select, in lists and in watches.

use futures_util::StreamExt as _;
use harness::api_server::ApiServer;
use harness::within;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{ingress, refused};

fn secret(name: &str, secret_type: &str, labels: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "type": secret_type, "metadata": { "name": name, "labels": labels } })
}

async fn listed(api: &Api<Secret>, params: ListParams) -> Vec<String> {
    api.list(&params).await.unwrap().items.iter().map(|object| object.name_any()).collect()
}

#[tokio::test]
async fn lists_are_selected() {
    let server = ApiServer::start().await;
    server.put_all([
        secret("a", "kubernetes.io/tls", &json!({ "tier": "front", "team": "x" })),
        secret("b", "Opaque", &json!({ "tier": "back" })),
        secret("c", "Opaque", &json!({})),
    ]);
    let api = Api::<Secret>::all(server.client());
    for (labels, expected) in [
        ("tier=front", &["a"][..]),
        ("tier==back,team!=x", &["b"]),
        ("tier!=front", &["b", "c"]),
        ("tier in (front, back),!team", &["b"]),
        ("tier notin (front)", &["b", "c"]),
        ("team", &["a"]),
        ("!tier", &["c"]),
    ] {
        assert_eq!(listed(&api, ListParams::default().labels(labels)).await, expected, "{labels}");
    }
    for (fields, expected) in [
        ("type=Opaque", &["b", "c"][..]),
        ("type!=Opaque,metadata.namespace=default", &["a"]),
        ("metadata.name=b", &["b"]),
        ("metadata.name!=b", &["a", "c"]),
    ] {
        assert_eq!(listed(&api, ListParams::default().fields(fields)).await, expected, "{fields}");
    }
    let status = refused(api.list(&ListParams::default().fields("data.key=x")).await);
    assert_eq!((status.code, status.message.as_str()), (400, "field label not supported: data.key"));
    assert!(listed(&Api::namespaced(server.client(), "other"), ListParams::default()).await.is_empty());
}

#[tokio::test]
async fn entering_and_leaving_a_selection_looks_like_coming_and_going() {
    let server = ApiServer::start().await;
    let labelled = |tier: &str| {
        let mut object = ingress("web");
        object["metadata"]["labels"] = json!({ "tier": tier });
        object
    };
    server.put(labelled("back"));
    let api = Api::<Ingress>::all(server.client());
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let params = WatchParams::default().labels("tier=front");
    let mut events = api.watch(&params, &start).await.unwrap().boxed();
    for tier in ["front", "front", "back", "back", "front"] {
        server.put(labelled(tier));
    }
    server.delete("ingresses", "web");
    let mut told = Vec::new();
    for _ in 0..5 {
        let (what, object) = match within("an event", events.next()).await.unwrap().unwrap() {
            WatchEvent::Added(object) => ("added", object),
            WatchEvent::Modified(object) => ("modified", object),
            WatchEvent::Deleted(object) => ("deleted", object),
            other => panic!("{other:?}"),
        };
        let version: u64 = object.resource_version().unwrap().parse().unwrap();
        told.push((what, version - start.parse::<u64>().unwrap(), object.labels()["tier"].clone()));
    }
    let expected = [("added", 1), ("modified", 2), ("deleted", 3), ("added", 5), ("deleted", 6)];
    assert_eq!(told, expected.map(|(what, version)| (what, version, "front".to_owned())));
}

#[tokio::test]
async fn a_namespace_carries_its_name_as_a_label() {
    let server = ApiServer::start().await;
    server.put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }));
    let api = Api::<Namespace>::all(server.client());
    let params = ListParams::default().labels("kubernetes.io/metadata.name=shop");
    assert_eq!(api.list(&params).await.unwrap().items.len(), 1);
}
