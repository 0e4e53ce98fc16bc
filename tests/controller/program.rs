//! The program as a process of its own, at an API server.

use std::time::Duration;

use harness::api_server::Faults;
use harness::world::{Program, World, ask};
use harness::{Client, Gate, Upstream, within};
use serde_json::json;
use tokio::time::Instant;

use crate::PROGRAM;

fn start(world: &World, more: &[&str]) -> Program {
    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig().display());
    let flags =
        world.flags().into_iter().chain([kubeconfig]).chain(more.iter().map(|flag| (*flag).to_owned()));
    Program::start(PROGRAM, flags, &[("POD_NAME", "one"), ("POD_NAMESPACE", world.name())])
}

/// Serves `web` at `a.test`, whose answer for `/` waits in its middle until the gate is opened; `quick` at `b.test`.
async fn scene(world: &World) -> (Upstream, Upstream, Gate) {
    let (web, gate) = world.in_two_parts().await;
    let quick = world.upstream("quick").await;
    world.put_service("web", &[&web]).await;
    world.put_service("quick", &[&quick]).await;
    world.put_ingress("web", "a.test", "web").await;
    world.put_ingress("quick", "b.test", "quick").await;
    world.put_pod("one").await;
    (web, quick, gate)
}

#[tokio::test]
async fn from_the_kubeconfig_to_the_last_request() {
    let Some(world) = World::in_memory_for_program().await else {
        return println!("not tested: this machine has no address but those of loopback");
    };
    let (_web, _quick, gate) = scene(&world).await;
    let flags = [
        "--enable-metrics",
        "--publish-status-address=203.0.113.1",
        "--shutdown-grace-period=2",
        "--election-ttl=20s",
    ];
    let mut program = start(&world, &flags);
    let (http, healthz) = program.serving().await;
    assert_eq!(ask(http, "b.test", "/x").await.unwrap().text(), "quick");
    let line = program.out.line("GET /x HTTP/1.1").await;
    assert!(
        line.starts_with("127.0.0.1 - - [") && line.contains(&format!("[{}-quick-80]", world.name())),
        "{line}"
    );
    let counted = async || {
        let metrics = ask(healthz, "x", "/metrics").await.ok()?;
        let mut lines = metrics.text().lines();
        lines.find(|line| line.starts_with("nginx_ingress_controller_requests{")).map(str::to_owned)
    };
    let count = world.until("a count", counted).await;
    assert!(count.contains("ingress=\"quick\"") && count.ends_with(" 1"), "{count}");
    let has_status =
        |ingress: &serde_json::Value| ingress["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.1";
    world.until_object("Ingress", "quick", has_status).await;

    let mut running = Client::connect(http).await;
    running.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(running.head().await.status(), 200);
    program.signal("-TERM");
    program.log.line("draining").await;
    // In the grace period it is not ready, and serves.
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(healthz, "x", path).await.unwrap().status, 500, "{path}");
    }
    assert_eq!(ask(http, "b.test", "/").await.unwrap().status, 200);
    // Then nothing new is taken, and what runs may end.
    world.until("the end of the grace period", async || ask(http, "b.test", "/").await.err()).await;
    // Neither the lease nor the status waits for that request.
    world
        .until_object("Lease", world.name(), |lease| {
            lease["spec"]["holderIdentity"].as_str().is_none_or(str::is_empty)
        })
        .await;
    gate.open();
    assert_eq!(within("the rest", running.chunk()).await.unwrap(), b"first");
    assert_eq!(running.chunk().await.unwrap(), b"last");
    assert_eq!(program.ended().await.code(), Some(0), "{:#?}", program.log.all());
    let emptied = world.get("Ingress", "quick").await.unwrap();
    assert!(!has_status(&emptied), "the last one empties the status: {emptied}");
    assert!(program.log.find(&["drained"]).is_some());
}

async fn ends_while_it_waits(spoil: impl AsyncFn(Faults), reason: &str) {
    let world = World::in_memory().await;
    spoil(world.server().faults()).await;
    let mut program = start(&world, &[]);
    program.log.line_with(&["waiting for the API server", reason]).await;
    let sent = Instant::now();
    program.signal("-TERM");
    assert_eq!(program.ended().await.code(), Some(0), "{:#?}", program.log.all());
    assert!(sent.elapsed() < Duration::from_secs(10), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_an_api_server() {
    let hangs = ends_while_it_waits(async |faults| faults.hang(true), "are not read yet");
    let is_away = ends_while_it_waits(async |faults| faults.stop().await, "cannot be reached");
    tokio::join!(hangs, is_away);
}

/// The API server is gone for good: the drain does not wait for it longer than it must, and still loses no request.
#[tokio::test]
async fn a_drain_without_an_api_server() {
    let Some(world) = World::in_memory_for_program().await else {
        return println!("not tested: this machine has no address but those of loopback");
    };
    let (_web, _quick, gate) = scene(&world).await;
    let mut program = start(&world, &["--publish-status-address=203.0.113.1", "--election-ttl=4s"]);
    let (http, _) = program.serving().await;
    let held = |lease: &serde_json::Value| lease["spec"]["holderIdentity"] == json!("one");
    world.until_object("Lease", world.name(), held).await;
    let mut running = Client::connect(http).await;
    running.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(running.head().await.status(), 200);
    world.server().faults().stop().await;
    program.signal("-TERM");
    program.log.line("draining").await;
    gate.open();
    assert_eq!(running.chunk().await.unwrap(), b"first");
    assert_eq!(running.chunk().await.unwrap(), b"last");
    assert_eq!(program.ended().await.code(), Some(0), "{:#?}", program.log.all());
}
