//! What is written to the API server, and how often: once, by the leader, and no more.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::Manifests;
use harness::api_server::WriteRecord;
use harness::world::{Replica, World};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

const ADDRESS: &str = "203.0.113.1";

/// The addresses that were written into the status of each Ingress, in order.
fn statuses(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for write in writes(world, "ingresses/status") {
        let addresses = write.object_value()["status"]["loadBalancer"]["ingress"].to_string();
        written.entry(write.name).or_default().push(addresses);
    }
    written
}

fn writes(world: &World, resource: &str) -> Vec<WriteRecord> {
    let mut writes = world.server().writes();
    writes.retain(|write| write.resource == resource);
    writes
}

#[tokio::test]
async fn status_is_written_once_by_one_of_two_and_never_flaps() {
    let world = World::in_memory().await;
    world.put_pod("one").await;
    world.put_pod("two").await;
    let mut objects = Manifests::new();
    for number in 0..50 {
        objects =
            objects.ingress(&format!("web-{number}")).host(&format!("{number}.test")).prefix("/", "web", 80);
    }
    world.put_all(&objects).await;
    let mut replicas = Vec::new();
    for pod in ["one", "two"] {
        let mut config = world.config_in_pod(pod, ADDRESS);
        // Looks again and again, so that a replica that does not see what is there would write it again.
        config.status.interval = Duration::from_millis(200);
        config.status.election.ttl = Duration::from_secs(2);
        replicas.push(Replica::start(config).await);
    }
    let all = |world: &World| statuses(world).len() == 50;
    world.server().until("50 statuses", |_| all(&world)).await;
    // Watches that are cut, lists that are made anew, changes of the Ingresses: none of them is a reason to write.
    world.server().faults().expire_history();
    world.server().faults().drop_watches();
    world.put_ingress("web-0", "changed.test", "web").await;
    for replica in &replicas {
        replica.answers("changed.test", 503, "").await;
    }
    // A hand-over neither: the next one finds what the last one wrote.
    let leads = [replicas[0].leads().await, replicas[1].leads().await];
    let leading = replicas.remove(usize::from(leads[1]));
    leading.drain().await;
    replicas[0].until_leads(&world).await;
    // Nothing tells that nothing is written but time.
    sleep_until(Instant::now() + Duration::from_secs(2)).await;
    let written = statuses(&world);
    let once = vec![json!([{ "ip": ADDRESS }]).to_string()];
    assert!(written.values().all(|values| *values == once), "{written:?}");
    assert!(
        writes(&world, "ingresses/status").iter().all(|write| write.verb == "update"),
        "a patch is not granted"
    );
}

#[tokio::test]
async fn only_what_is_new_costs_a_write() {
    let world = World::in_memory().await;
    world.put_ingress("web", "a.test", "missing").await;
    let replica = Replica::start(world.config_in_pod("one", ADDRESS)).await;
    world.server().until("a status", |_| statuses(&world).len() == 1).await;
    let told = |_: &_| writes(&world, "events").len() == 2;
    world.server().until("a warning, and Sync", told).await;
    world.server().clear_record();
    // The same again, with another label: nothing that anybody has to be told.
    for number in 0..3 {
        let mut ingress = world.get("Ingress", "web").await.unwrap();
        ingress["metadata"]["labels"] = json!({ "number": number.to_string() });
        ingress["metadata"]["resourceVersion"] = json!(null);
        world.put(&ingress).await;
    }
    world.put_ingress("next", "b.test", "missing").await;
    replica.answers("b.test", 503, "").await;
    let about_next = |_: &_| {
        writes(&world, "events").iter().filter(|write| write.name.starts_with("next.")).count() == 2
            && statuses(&world).contains_key("next")
    };
    world.server().until("what is said about the next one", about_next).await;
    assert!(!statuses(&world).contains_key("web"), "{:?}", statuses(&world));
    let about_web = writes(&world, "events").iter().filter(|write| write.name.starts_with("web.")).count();
    assert_eq!(about_web, 0);
}
