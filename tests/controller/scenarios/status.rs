//! The addresses in the status of Ingresses.

use std::time::Duration;

use harness::Manifests;
use harness::world::{Replica, World};
use serde_json::{Value, json};
use tokio::time::Instant;

const ADDRESS: &str = "203.0.113.1";

fn has_only(address: &str) -> impl Fn(&Value) -> bool {
    move |ingress| ingress["status"]["loadBalancer"]["ingress"] == json!([{ "ip": address }])
}

fn is_empty(ingress: &Value) -> bool {
    ingress["status"]["loadBalancer"]["ingress"].as_array().is_none_or(Vec::is_empty)
}

pub(crate) async fn addresses_stand_in_the_status_of_our_ingresses_at_once(world: &World) {
    let other = format!("{}-other", world.name());
    world.put_class(&other, "example.test/another").await;
    world.put_ingress("before", "a.test", "web").await;
    world
        .put_all(&Manifests::new().ingress("foreign").class(&other).host("b.test").prefix("/", "web", 80))
        .await;
    let replica = Replica::start(world.config_in_pod("one", ADDRESS)).await;
    world.until_object("Ingress", "before", has_only(ADDRESS)).await;
    let start = Instant::now();
    world.put_ingress("later", "c.test", "web").await;
    world.until_object("Ingress", "later", has_only(ADDRESS)).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}: rather than after a minute", start.elapsed());
    // It was there all the time, and is still as it was.
    assert!(is_empty(&world.get("Ingress", "foreign").await.unwrap()));
    // A change of what is asked for leaves the status as it is.
    world.put_ingress("later", "d.test", "web").await;
    replica.answers("d.test", 503, "").await;
    assert!(has_only(ADDRESS)(&world.get("Ingress", "later").await.unwrap()));
}

pub(crate) async fn what_somebody_writes_over_the_status_is_written_over(world: &World) {
    world.put_ingress("web", "a.test", "web").await;
    let mut config = world.config_in_pod("one", ADDRESS);
    config.status.interval = Duration::from_secs(1);
    let _replica = Replica::start(config).await;
    world.until_object("Ingress", "web", has_only(ADDRESS)).await;
    let foreign = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } });
    world.put_status("Ingress", "web", &foreign).await;
    world.until_object("Ingress", "web", has_only(ADDRESS)).await;
}

pub(crate) async fn the_last_one_empties_the_status_and_no_other(world: &World) {
    world.put_pod("one").await;
    world.put_pod("two").await;
    world.put_ingress("web", "a.test", "web").await;
    let one = Replica::start(world.config_in_pod("one", ADDRESS)).await;
    world.until_object("Ingress", "web", has_only(ADDRESS)).await;
    one.drain().await;
    assert!(has_only(ADDRESS)(&world.get("Ingress", "web").await.unwrap()), "another serves it");

    world.delete("Pod", "one").await;
    let two = Replica::start(world.config_in_pod("two", ADDRESS)).await;
    two.until_leads(world).await;
    two.drain().await;
    assert!(is_empty(&world.get("Ingress", "web").await.unwrap()), "nobody serves it");
}
