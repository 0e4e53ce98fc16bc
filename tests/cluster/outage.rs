//! A real API server that is stopped and started again. `API_SERVER` is a program that does so when it is called with `stop` and `start`;
//! other scenarios must not run meanwhile: `-- --ignored outage`.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use harness::world::World;
use harness::{Answer, Plan};
use tokio::time::Instant;

/// How long it is away at least.
const AWAY: Duration = Duration::from_secs(60);

async fn call(program: &str, what: &'static str) {
    let mut command = Command::new(program);
    command.arg(what).stdin(Stdio::null()).stdout(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
    assert!(status.is_ok_and(|status| status.success()), "{program} {what}");
}

#[tokio::test]
#[ignore = "stops and starts a Kubernetes API server: see the top of tests/cluster/outage.rs"]
async fn a_server_that_is_away_for_a_minute() {
    let program = std::env::var("API_SERVER").expect("API_SERVER, a program that takes stop and start");
    let world = World::real().await;
    let (old, new) = (world.upstream("old").await, world.upstream("new").await);
    world.put_service("web", &[&old]).await;
    world.put_ingress("web", "a.test", "web").await;
    let replica = world.controller().await;
    replica.answers("a.test", 200, "old").await;
    let mut plan = Plan::get(replica.address(), 4, "a.test", "/");
    plan.check = Arc::new(|answer: &Answer| match (answer.status, answer.text()) {
        (200, "old" | "new") => Ok(()),
        (status, text) => Err(format!("answered {status}: {text}")),
    });
    let load = plan.start();
    load.reached(100).await;

    call(&program, "stop").await;
    let start = Instant::now();
    while start.elapsed() < AWAY {
        load.reached(load.good() + 100).await;
    }
    assert!(!replica.published().problems.is_empty(), "it is said that the server is away");
    call(&program, "start").await;
    world.put_endpoints("web", &[&new]).await;
    world.put_ingress("late", "late.test", "web").await;
    replica.answers("late.test", 200, "new").await;
    replica.answers("a.test", 200, "new").await;
    replica.until("no more problems", |published| published.problems.is_empty()).await;
    load.reached(load.good() + 100).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.refused + tally.unaccepted == 0, "{tally:?}");
}
