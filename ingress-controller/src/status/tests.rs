use std::time::Duration;

use http::Method;
use ingress_core::ObjectName;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::fake::Fake;
use super::*;
use crate::config::{Address, Pod, Publish};

const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/ingress/leases/ingress-controller-leader";

#[derive(Clone)]
struct Source(Fake);

impl Look for Source {
    fn ingress(&self, _: &ObjectName) -> Option<Arc<Ingress>> {
        self.0.get(INGRESS).map(|ingress| Arc::new(serde_json::from_value(ingress).unwrap()))
    }

    fn service(&self, _: &ObjectName) -> Option<Arc<Service>> {
        None
    }

    fn config_map(&self, _: &ObjectName) -> Option<Arc<ConfigMap>> {
        None
    }
}

fn fake() -> Fake {
    let fake = Fake::default();
    fake.put(INGRESS, json!({"metadata": {"name": "web", "namespace": "shop"}}));
    fake.put(
        "/api/v1/namespaces/ingress/pods/one",
        json!({"metadata": {"name": "one", "labels": {"a": "b"}}}),
    );
    fake
}

fn config() -> RunConfig {
    let mut config = RunConfig::cluster("nowhere".into(), ([127, 0, 0, 1], 0).into());
    config.pod = Some(Pod { namespace: "ingress".into(), name: "one".into() });
    config.status.publish = Publish::Addresses(vec![Address::Hostname("lb.example.com".into())]);
    config
}

/// Runs it for a minute, then to its end. Gives whether it led, and the status, after the minute.
async fn run_for_a_minute(fake: &Fake, config: RunConfig) -> (bool, String) {
    let mut published = Published { generation: 1, ..Published::default() };
    published.report.ours = vec![ObjectName { namespace: "shop".into(), name: "web".into() }];
    let (_published, receiver) = watch::channel(Arc::new(published));
    let (leads, led) = watch::channel(false);
    let (stop, stopped) = watch::channel(());
    let task = tokio::spawn(run(config, fake.client(), Source(fake.clone()), receiver, leads, stopped));
    sleep(Duration::from_secs(60)).await;
    let status = fake.get(INGRESS).unwrap()["status"]["loadBalancer"]["ingress"][0]["hostname"].clone();
    let result = (*led.borrow(), status.as_str().unwrap_or("none").to_owned());
    drop(stop);
    timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    result
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_status_is_emptied_and_then_the_lease_released() {
    let fake = fake();
    assert_eq!(run_for_a_minute(&fake, config()).await, (true, "lb.example.com".into()));
    assert_eq!(fake.get(INGRESS).unwrap()["status"], json!({"loadBalancer": {}}));
    assert_eq!(fake.get(LEASE).unwrap()["spec"]["leaseDurationSeconds"], 1);
    let order = fake.last_writes(2);
    assert!(order[0].ends_with("/status") && order[1].contains("/leases/"), "{order:?}");
    assert_eq!(fake.writes(&Method::POST, "/events"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_an_election_everybody_leads() {
    let (fake, mut config) = (fake(), config());
    config.status.election.enabled = false;
    config.pod = None;
    assert_eq!(run_for_a_minute(&fake, config).await, (true, "lb.example.com".into()));
    assert_eq!(fake.get(LEASE), None);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_its_pod_writes_no_status() {
    let (fake, mut config) = (fake(), config());
    config.pod = None;
    assert_eq!(run_for_a_minute(&fake, config).await, (false, "none".into()));
}

#[tokio::test(start_paused = true)]
async fn status_can_be_switched_off() {
    let (fake, mut config) = (fake(), config());
    config.status.update = false;
    config.status.sync_events = false;
    assert_eq!(run_for_a_minute(&fake, config).await, (true, "none".into()));
    assert_eq!(fake.writes(&Method::POST, "/events"), 0);
}
