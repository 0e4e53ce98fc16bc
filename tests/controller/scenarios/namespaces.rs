//! What is served of which namespace.

use harness::Manifests;
use harness::world::{Replica, World};
use ingress_core::ObjectName;
use serde_json::json;

async fn label(world: &World, value: &str) {
    let mut namespace = json!({ "apiVersion": "v1", "kind": "Namespace" });
    namespace["metadata"] = json!({ "name": world.name(), "labels": { "served": value } });
    world.put(&namespace).await;
}

pub(crate) async fn labels_of_a_namespace_decide(world: &World) {
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    world.put_ingress("web", "a.test", "web").await;
    let mut config = world.config();
    config.options.namespace_selector = "served=yes".parse().unwrap();
    let replica = Replica::start(config).await;
    assert_eq!(replica.get("a.test", "/").await.status, 404);
    label(world, "yes").await;
    replica.answers("a.test", 200, "web").await;
    label(world, "no").await;
    replica.answers("a.test", 404, "").await;
}

pub(crate) async fn only_one_namespace_is_served_and_the_default_backend_may_be_elsewhere(world: &World) {
    let (here, there) = (world.upstream("here").await, world.upstream("there").await);
    let elsewhere = format!("{}-b", world.name());
    world.put(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": elsewhere } })).await;
    let service = format!("{elsewhere}/there");
    world.put_service("here", &[&here]).await;
    world.put_service(&service, &[&there]).await;
    world.put_ingress("here", "here.test", "here").await;
    let other = Manifests::new().ingress(&format!("{elsewhere}/there")).host("there.test");
    world.put_all(&other.prefix("/other", "there", 80)).await;

    let mut config = world.config();
    config.options.watch_namespace = world.name().to_owned();
    config.options.default_backend_service =
        Some(ObjectName { namespace: elsewhere.as_str().into(), name: "there".into() });
    let replica = Replica::start(config).await;
    replica.answers("here.test", 200, "here").await;
    replica.answers("unknown.test", 200, "there").await;
    assert_eq!(replica.published().report.ingresses, 1);
    // The endpoints of the default backend are followed there too.
    let moved = world.upstream("moved").await;
    world.put_endpoints(&service, &[&moved]).await;
    replica.answers("unknown.test", 200, "moved").await;
}
