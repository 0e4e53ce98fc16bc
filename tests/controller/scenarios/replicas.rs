//! Several replicas: one of them leads.

use std::time::Duration;

use harness::world::{Program, Replica, World};
use serde_json::Value;
use tokio::time::Instant;

use crate::PROGRAM;

const ADDRESS: &str = "203.0.113.1";

/// How long a lease says that it holds.
const TTL: Duration = Duration::from_secs(12);

async fn holder(world: &World) -> Option<String> {
    let lease = world.get("Lease", world.name()).await?;
    lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
}

fn has_address(ingress: &Value) -> bool {
    ingress["status"]["loadBalancer"]["ingress"][0]["ip"] == ADDRESS
}

pub(crate) async fn one_leads_and_hands_over_when_it_stops(world: &World) {
    world.put_pod("one").await;
    world.put_pod("two").await;
    let mut replicas = Vec::new();
    for pod in ["one", "two"] {
        let mut config = world.config_in_pod(pod, ADDRESS);
        config.status.election.ttl = TTL;
        replicas.push((pod, Replica::start(config).await));
    }
    let leader = world.until("a leader", async || holder(world).await).await;
    replicas.sort_by_key(|(pod, _)| *pod != leader);
    let (other, follower) = replicas.pop().unwrap();
    let (_, leading) = replicas.pop().unwrap();
    leading.until_leads(world).await;
    assert!(!follower.leads().await, "{leader} leads, and {other} too");
    world.put_ingress("web", "a.test", "web").await;
    world.until_object("Ingress", "web", has_address).await;
    assert_eq!(holder(world).await.as_ref(), Some(&leader));

    // The one that waits looks every quarter of that time, or a little later.
    let start = Instant::now();
    leading.drain().await;
    follower.until_leads(world).await;
    assert!(start.elapsed() < TTL, "{:?}", start.elapsed());
    assert_eq!(holder(world).await.as_deref(), Some(other));
    assert!(has_address(&world.get("Ingress", "web").await.unwrap()), "the other one goes on serving it");
    world.put_ingress("later", "b.test", "web").await;
    world.until_object("Ingress", "later", has_address).await;
}

pub(crate) async fn one_that_dies_is_followed_within_the_time_to_live(world: &World) {
    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig().display());
    let address = format!("--publish-status-address={ADDRESS}");
    let flags = world.flags().into_iter().chain([kubeconfig, address, "--election-ttl=4s".into()]);
    let pod = [("POD_NAME", "one"), ("POD_NAMESPACE", world.name())];
    let mut one = Program::start(PROGRAM, flags, &pod);
    one.serving().await;
    world.until("its lease", async || holder(world).await.filter(|holder| holder == "one")).await;
    let mut config = world.config_in_pod("two", ADDRESS);
    config.status.election.ttl = Duration::from_secs(4);
    let two = Replica::start(config).await;
    assert!(!two.leads().await);

    let killed = Instant::now();
    one.signal("-KILL");
    one.ended().await;
    two.until_leads(world).await;
    // It looks every one to two seconds, and counts from when it last saw the lease renewed.
    assert!(killed.elapsed() < Duration::from_secs(12), "{:?}", killed.elapsed());
    assert_eq!(holder(world).await.as_deref(), Some("two"));
    world.put_ingress("web", "a.test", "web").await;
    world.until_object("Ingress", "web", has_address).await;
}
