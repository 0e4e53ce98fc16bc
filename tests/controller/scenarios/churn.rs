//! Endpoints that do not rest.

use std::time::Duration;

use harness::world::World;
use harness::{Plan, within};
use tokio::time::{Instant, MissedTickBehavior, interval};

pub(crate) async fn endpoints_that_change_fifty_times_a_second_lose_no_request(world: &World) {
    let upstreams = [
        world.upstream("0").await,
        world.upstream("1").await,
        world.upstream("2").await,
        world.upstream("3").await,
    ];
    world.put_service("web", &[&upstreams[0]]).await;
    world.put_ingress("web", "a.test", "web").await;
    let replica = world.controller().await;
    replica.answers("a.test", 200, "0").await;
    let load = Plan::get(replica.address(), 8, "a.test", "/").start();
    load.reached(100).await;

    let (start, mut tick, mut changes) = (Instant::now(), interval(Duration::from_millis(20)), 0);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // One comes, then the one before it goes: two changes.
    while start.elapsed() < Duration::from_secs(3) {
        let (old, new) = (&upstreams[changes / 2 % 4], &upstreams[(changes / 2 + 1) % 4]);
        tick.tick().await;
        world.put(&world.slice("web", new)).await;
        tick.tick().await;
        let old = world.slice("web", old);
        world.delete("EndpointSlice", old["metadata"]["name"].as_str().unwrap()).await;
        changes += 2;
    }
    let last = (changes / 2 % 4).to_string();
    within("the last change", replica.answers("a.test", 200, &last)).await;
    let served = load.good();
    load.reached(served + 100).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.refused + tally.unaccepted == 0, "{tally:?}");
    for upstream in &upstreams {
        assert!(upstream.count() > 0, "every endpoint had its turn");
    }
}
