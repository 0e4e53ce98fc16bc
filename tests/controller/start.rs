//! Nothing is served before everything is known.

use std::net::SocketAddr;
use std::time::Duration;

use harness::Manifests;
use harness::api_server::ApiServer;
use harness::world::{Replica, ReservedPort, World, ask};
use ingress_controller::Controller;
use tokio::net::TcpStream;

const INGRESSES: usize = 200;

/// Starts a controller at a server that is not well, and mends the server when `unready` has shown in `/readyz`.
async fn starts(unready: &str, spoil: impl AsyncFn(&ApiServer), mend: impl AsyncFn(&ApiServer)) {
    let world = World::in_memory().await;
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    let mut objects = Manifests::new();
    for number in 0..INGRESSES {
        objects = objects.ingress(&format!("web-{number}")).host(&host(number)).prefix("/", "web", 80);
    }
    world.server().put_all(objects.documents().iter().map(|document| world.own(document.clone())));

    spoil(world.server()).await;
    let (http, healthz) = (ReservedPort::new(), ReservedPort::new());
    let mut config = world.config();
    (config.http, config.healthz) = (vec![http.address()], healthz.address());
    let starting = tokio::spawn(Controller::start(config));
    let probe = async |path: &str| ask(healthz.address(), "x", path).await.ok();
    let names_it = async || {
        let answer = probe("/readyz").await?;
        assert_eq!(answer.status, 500, "{}", answer.text());
        answer.text().contains(unready).then_some(())
    };
    world.until(format!("readyz with {unready:?}"), names_it).await;
    assert_eq!(probe("/healthz").await.unwrap().status, 500);
    assert!(TcpStream::connect(http.address()).await.is_err(), "served too early");
    assert!(!starting.is_finished());

    mend(world.server()).await;
    all_at_once(&world, http.address()).await;
    let _controller = starting.await.unwrap().unwrap();
    assert_eq!(probe("/healthz").await.unwrap().status, 200);
    assert_eq!(probe("/readyz").await.unwrap().status, 200);
}

fn host(number: usize) -> String {
    format!("web-{number}.test")
}

/// From the first connection on, everything is served.
async fn all_at_once(world: &World, http: SocketAddr) {
    let last = host(INGRESSES - 1);
    let first = world.until("the first answer", async || ask(http, &last, "/").await.ok()).await;
    assert_eq!((first.status, first.text()), (200, "web"));
    for number in 0..INGRESSES {
        assert_eq!(ask(http, &host(number), "/").await.unwrap().status, 200, "{}", host(number));
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for() {
    let hang = async |server: &ApiServer| server.faults().hang(true);
    let mend = async |server: &ApiServer| server.faults().hang(false);
    starts("services are not read yet", hang, mend).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let stop = async |server: &ApiServer| server.faults().stop().await;
    let mend = async |server: &ApiServer| server.faults().resume().await;
    starts("cannot be reached: Connection refused", stop, mend).await;
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let slow = async |server: &ApiServer| server.faults().slow(Duration::from_millis(500));
    starts("are not read yet", slow, async |_| {}).await;
}

#[tokio::test]
async fn one_kind_that_fails_keeps_all_back() {
    let fail = async |server: &ApiServer| server.faults().fail(usize::MAX, "endpointslices", 500);
    let mend = async |server: &ApiServer| server.faults().mend();
    starts("cannot list endpointslices.discovery.k8s.io: Internal error occurred", fail, mend).await;
}

#[tokio::test]
async fn an_empty_cluster_is_served_as_such() {
    let world = World::in_memory().await;
    let replica: Replica = world.controller().await;
    assert_eq!(replica.get("a.test", "/").await.status, 404);
    assert_eq!(replica.published().generation, 1);
}
