//! The faults on demand do what they say.

use std::time::Duration;

use futures_util::StreamExt as _;
use harness::api_server::ApiServer;
use harness::within;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{ingress, refused};

fn api(server: &ApiServer) -> Api<Ingress> {
    Api::all(server.client())
}

#[tokio::test]
async fn a_stopped_server_refuses_and_comes_back_with_everything() {
    let server = ApiServer::start().await;
    server.put(ingress("web"));
    let api = api(&server);
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 1);
    for _ in 0..3 {
        server.faults().stop().await;
        let refused = TcpStream::connect(server.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(api.list(&ListParams::default()).await.is_err());
        server.faults().resume().await;
        assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 1);
    }
}

#[tokio::test]
async fn a_hanging_server_takes_requests_and_answers_when_it_is_well_again() {
    let server = ApiServer::start().await;
    server.faults().hang(true);
    let api = api(&server);
    let mut listing = tokio::spawn(async move { api.list(&ListParams::default()).await });
    // Nothing tells that no answer comes but time.
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut listing).await.is_err());
    server.faults().hang(false);
    within("the list", listing).await.unwrap().unwrap();
}

#[tokio::test]
async fn watches_of_a_hanging_server_are_told_nothing_until_it_is_well_again() {
    let server = ApiServer::start().await;
    let api = api(&server);
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut events = api.watch(&WatchParams::default(), &start).await.unwrap().boxed();
    server.faults().hang(true);
    server.put(ingress("web"));
    assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
    server.faults().hang(false);
    let event = within("an event", events.next()).await.unwrap();
    assert!(matches!(event, Ok(WatchEvent::Added(_))), "{event:?}");
}

#[tokio::test]
async fn a_slow_server_takes_its_time() {
    let server = ApiServer::start().await;
    let delay = Duration::from_millis(50);
    server.faults().slow(delay);
    let started = Instant::now();
    api(&server).list(&ListParams::default()).await.unwrap();
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn so_many_requests_fail() {
    let server = ApiServer::start().await;
    let api = api(&server);
    server.faults().fail(2, "ingresses", 500);
    server.faults().fail(1, "services", 500);
    for _ in 0..2 {
        assert_eq!(refused(api.list(&ListParams::default()).await).code, 500);
    }
    api.list(&ListParams::default()).await.unwrap();

    // kube waits as the header says, and asks again by itself.
    server.clear_record();
    server.faults().fail(1, "*", 429);
    let started = Instant::now();
    api.list(&ListParams::default()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests("list", "ingresses"), 2);
}
