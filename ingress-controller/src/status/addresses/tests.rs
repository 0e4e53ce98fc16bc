use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::status::fake::Fake;

fn texts(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn service(spec: &Value, status: &Value) -> String {
    texts(&of_service(&serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()))
}

#[test]
fn the_type_of_a_service_says_which_addresses_it_has() {
    let external = json!(["192.0.2.9", "192.0.2.10"]);
    let status = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}, {"ip": "192.0.2.7"}]}});
    for (spec, expected) in [
        (
            json!({"type": "LoadBalancer", "externalIPs": external, "clusterIP": "10.0.0.1"}),
            "192.0.2.10 192.0.2.7 192.0.2.9 lb.example.com",
        ),
        (
            json!({"type": "NodePort", "externalIPs": external, "clusterIP": "10.0.0.1"}),
            "192.0.2.10 192.0.2.9",
        ),
        (json!({"type": "NodePort", "clusterIP": "10.0.0.1"}), "10.0.0.1"),
        (json!({"type": "ClusterIP", "externalIPs": external, "clusterIP": "10.0.0.1"}), "10.0.0.1"),
        (json!({"clusterIP": "None"}), ""),
        (json!({"type": "ExternalName", "externalName": "web.example.com"}), "web.example.com"),
        (json!({"type": "ExternalName", "externalName": "2001:DB8::1"}), "2001:db8::1"),
    ] {
        assert_eq!(service(&spec, &status), expected, "{spec}");
    }
}

#[test]
fn a_node_has_one_address() {
    let node = |addresses: Value| -> Node {
        serde_json::from_value(json!({"status": {"addresses": addresses}})).unwrap()
    };
    let both = node(json!([
        {"type": "Hostname", "address": "a"},
        {"type": "InternalIP", "address": "10.0.0.1"},
        {"type": "ExternalIP", "address": "192.0.2.1"},
        {"type": "ExternalIP", "address": "192.0.2.2"},
    ]));
    let address =
        |node: &Node, internal| of_node(node, internal).map(|ip| ip.to_string()).unwrap_or_default();
    assert_eq!(address(&both, false), "192.0.2.1");
    assert_eq!(address(&both, true), "10.0.0.1");
    assert_eq!(address(&node(json!([{"type": "InternalIP", "address": "10.0.0.1"}])), false), "10.0.0.1");
    assert_eq!(address(&node(json!([])), false), "");
}

const PODS: &str = "/api/v1/namespaces/ingress/pods";

fn pod(name: &str, node: &str, ready: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "ingress", "labels": {"app": "ingress", "pod-template-hash": name}},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    })
}

async fn known(fake: &Fake, publish: Publish) -> Option<String> {
    let (sender, mut receiver) = watch::channel(None);
    let client = fake.client();
    let pod = Pod { namespace: "ingress".into(), name: "one".into() };
    let task = tokio::spawn(async move { follow(&publish, client, Some(&pod), &sender).await });
    let wait = timeout(Duration::from_secs(100), receiver.wait_for(Option::is_some)).await;
    let found = wait.ok().and_then(|found| found.ok().and_then(|found| found.as_deref().map(texts)));
    task.abort();
    found
}

#[tokio::test(start_paused = true)]
async fn nodes_are_those_of_replicas_that_are_ready() {
    let fake = Fake::default();
    for (name, node, ready) in [("one", "a", "True"), ("two", "b", "True"), ("three", "c", "False")] {
        fake.put(&format!("{PODS}/{name}"), pod(name, node, ready));
        let address = json!([{"type": "InternalIP", "address": format!("10.0.0.{}", node.as_bytes()[0])}]);
        let node = json!({"metadata": {"name": node}, "status": {"addresses": address}});
        fake.put(&format!("/api/v1/nodes/{}", node["metadata"]["name"].as_str().unwrap()), node);
    }
    let nodes = Publish::Nodes { internal: false };
    assert_eq!(known(&fake, nodes.clone()).await.as_deref(), Some("10.0.0.97 10.0.0.98"));
    fake.put(&format!("{PODS}/one"), pod("one", "a", "False"));
    fake.put(&format!("{PODS}/two"), pod("two", "b", "False"));
    assert_eq!(known(&fake, nodes).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_leaves_the_addresses_unknown() {
    let fake = Fake::default();
    let publish = Publish::Service(ObjectName { namespace: "ingress".into(), name: "front".into() });
    assert_eq!(known(&fake, publish.clone()).await, None);
    let front = json!({"metadata": {"name": "front"}, "spec": {"type": "NodePort", "clusterIP": "10.0.0.1"}});
    fake.put("/api/v1/namespaces/ingress/services/front", front);
    assert_eq!(known(&fake, publish).await.as_deref(), Some("10.0.0.1"));
}

#[tokio::test(start_paused = true)]
async fn replicas_have_the_same_labels_and_stay() {
    let fake = Fake::default();
    let ours = Pod { namespace: "ingress".into(), name: "one".into() };
    assert!(replicas::others(&fake.client(), &ours).await.is_err());
    fake.put(&format!("{PODS}/one"), pod("one", "a", "True"));
    assert_eq!(replicas::others(&fake.client(), &ours).await, Ok(false));
    let mut other = pod("two", "b", "True");
    other["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    fake.put(&format!("{PODS}/two"), other);
    assert_eq!(replicas::others(&fake.client(), &ours).await, Ok(false));
    fake.put(&format!("{PODS}/two"), pod("two", "b", "False"));
    assert_eq!(replicas::others(&fake.client(), &ours).await, Ok(true));
}
