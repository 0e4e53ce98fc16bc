use http::Method;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::config::Address;
use crate::status::fake::{Fake, Fault};

const PUT: &Method = &Method::PUT;
const SECOND: Duration = Duration::from_secs(1);

/// A source that has no delay.
#[derive(Clone)]
struct Source(Fake);

impl Look for Source {
    fn ingress(&self, name: &ObjectName) -> Option<Arc<Ingress>> {
        self.0.get(&path(&name.name)).map(|ingress| Arc::new(serde_json::from_value(ingress).unwrap()))
    }

    fn service(&self, _: &ObjectName) -> Option<Arc<Service>> {
        None
    }

    fn config_map(&self, _: &ObjectName) -> Option<Arc<ConfigMap>> {
        None
    }
}

fn path(name: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/{name}")
}

fn name(name: &str) -> ObjectName {
    ObjectName { namespace: "shop".into(), name: name.into() }
}

/// A writer, and what it is told.
struct Scene {
    fake: Fake,
    published: watch::Sender<Arc<Published>>,
    addresses: watch::Sender<Known>,
    leads: watch::Sender<bool>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Scene {
    /// With Ingresses a and b, of which a is ours; the address is not known and we do not lead.
    fn new() -> Self {
        let fake = Fake::default();
        let published = watch::Sender::new(Arc::new(Published::default()));
        let (addresses, leads, stop) =
            (watch::Sender::new(None), watch::Sender::new(false), watch::Sender::new(()));
        let inputs = Inputs {
            published: published.subscribe(),
            addresses: addresses.subscribe(),
            leads: leads.subscribe(),
            stop: stop.subscribe(),
        };
        let pod = Pod { namespace: "ingress".into(), name: "one".into() };
        fake.put(
            "/api/v1/namespaces/ingress/pods/one",
            json!({"metadata": {"name": "one", "labels": {"a": "b"}}}),
        );
        let source = Source(fake.clone());
        let writer = Writer::new(fake.client(), source, StatusConfig::default(), Some(pod), inputs);
        let task = tokio::spawn(writer.run());
        let scene = Self { fake, published, addresses, leads, stop, task };
        scene.ingress("a");
        scene.ingress("b");
        scene.ours(&["a"]);
        scene
    }

    /// The same, with an address, leading, and everything written.
    async fn leading() -> Self {
        let scene = Self::new();
        scene.address("192.0.2.1");
        scene.leads.send_replace(true);
        scene.quiet().await;
        assert_eq!(scene.status("a"), "192.0.2.1");
        scene
    }

    fn ingress(&self, name: &str) {
        let metadata = json!({"name": name, "namespace": "shop", "uid": name});
        self.fake.put(&path(name), json!({"metadata": metadata, "spec": {"ingressClassName": "nginx"}}));
    }

    fn ours(&self, names: &[&str]) {
        let mut published = Published::default();
        published.report.ours = names.iter().map(|text| name(text)).collect();
        self.published.send_replace(Arc::new(published));
    }

    fn address(&self, text: &str) {
        self.addresses.send_replace(Some(vec![Address::Ip(text.parse().unwrap())]));
    }

    fn status(&self, name: &str) -> String {
        let ingress = self.fake.get(&path(name)).unwrap();
        ingress["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().unwrap_or("none").to_owned()
    }

    fn overwrite(&self, name: &str, ip: &str) {
        let mut ingress = self.fake.get(&path(name)).unwrap();
        ingress["status"] = json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
        self.fake.put(&path(name), ingress);
    }

    fn writes(&self) -> usize {
        self.fake.writes(PUT, "/status")
    }

    /// Less than the time between two looks.
    async fn quiet(&self) {
        sleep(SECOND / 2).await;
    }

    async fn stop(self) -> Fake {
        drop(self.stop);
        self.task.await.unwrap();
        self.fake
    }
}

fn change(value: &mut Value, to: &str) {
    *value = to.into();
}

#[tokio::test(start_paused = true)]
async fn only_who_leads_writes_and_only_what_differs_and_is_ours() {
    let scene = Scene::new();
    scene.address("192.0.2.1");
    scene.quiet().await;
    assert_eq!(scene.status("a"), "none");
    scene.leads.send_replace(true);
    scene.quiet().await;
    assert_eq!((scene.status("a").as_str(), scene.status("b").as_str()), ("192.0.2.1", "none"));
    scene.ours(&["a", "b"]);
    scene.quiet().await;
    assert_eq!((scene.status("b").as_str(), scene.writes()), ("192.0.2.1", 2));
    sleep(SECOND * 300).await;
    assert_eq!(scene.writes(), 2);
    scene.address("192.0.2.2");
    scene.quiet().await;
    assert_eq!((scene.status("a").as_str(), scene.writes()), ("192.0.2.2", 4));
    scene.leads.send_replace(false);
    scene.quiet().await;
    scene.address("192.0.2.3");
    sleep(SECOND * 300).await;
    assert_eq!(scene.writes(), 4);
}

#[tokio::test(start_paused = true)]
async fn conflicts_and_failures_are_tried_again() {
    let scene = Scene::leading().await;
    scene.fake.fault(Fault::Conflict);
    scene.address("192.0.2.2");
    scene.quiet().await;
    assert_eq!(scene.status("a"), "192.0.2.2");
    for fault in [Fault::Broken, Fault::Hang] {
        scene.fake.fault(fault);
        scene.address("192.0.2.3");
        sleep(SECOND * 200).await;
        scene.fake.fault(None);
        sleep(SECOND * 61).await;
        assert_eq!(scene.status("a"), "192.0.2.3");
        scene.address("192.0.2.2");
        sleep(SECOND * 61).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_ingress_that_is_not_ours_any_longer_loses_our_addresses_and_no_others() {
    let scene = Scene::leading().await;
    scene.ours(&["a", "b"]);
    scene.quiet().await;
    scene.overwrite("b", "198.51.100.1");
    scene.ours(&[]);
    scene.quiet().await;
    assert_eq!((scene.status("a").as_str(), scene.status("b").as_str()), ("none", "198.51.100.1"));
    // And back again, and gone altogether.
    scene.ours(&["a"]);
    scene.quiet().await;
    assert_eq!(scene.status("a"), "192.0.2.1");
    let writes = scene.writes();
    scene.fake.delete(&path("a"));
    scene.ours(&[]);
    sleep(SECOND * 300).await;
    assert_eq!(scene.writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_leader_wrote_is_removed_too() {
    let scene = Scene::new();
    scene.overwrite("a", "192.0.2.1");
    scene.address("192.0.2.1");
    scene.leads.send_replace(true);
    scene.quiet().await;
    assert_eq!(scene.writes(), 0);
    scene.ours(&[]);
    scene.quiet().await;
    assert_eq!(scene.status("a"), "none");
}

#[tokio::test(start_paused = true)]
async fn a_write_reads_first_and_survives_a_conflict() {
    let scene = Scene::new();
    let task = Task::Write(vec![Address::Hostname("lb.example.com".into())]);
    let known: Ingress = serde_json::from_value(scene.fake.get(&path("a")).unwrap()).unwrap();
    let write = || write::write(scene.fake.client(), name("a"), Some(&known), &task);
    let unknown = write::write(scene.fake.client(), name("a"), None, &task).await;
    assert_eq!((unknown, scene.writes()), (Outcome::Gone, 0), "it may be anybody's");
    scene.fake.fault(Fault::Conflict);
    assert_eq!(write().await, Outcome::Written);
    assert_eq!((write().await, scene.writes()), (Outcome::Same, 1));
    scene.fake.delete(&path("a"));
    assert_eq!(write().await, Outcome::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_class_is_seen_before_the_source_tells_it() {
    let scene = Scene::new();
    let known: Ingress = serde_json::from_value(scene.fake.get(&path("a")).unwrap()).unwrap();
    let task = Task::Write(vec![Address::Hostname("lb.example.com".into())]);
    let write = || write::write(scene.fake.client(), name("a"), Some(&known), &task);
    let mut moved = scene.fake.get(&path("a")).unwrap();
    change(&mut moved["spec"]["ingressClassName"], "other");
    scene.fake.put(&path("a"), moved.clone());
    assert_eq!(write().await, Outcome::Another);
    change(&mut moved["spec"]["ingressClassName"], "nginx");
    change(&mut moved["metadata"]["uid"], "new");
    scene.fake.put(&path("a"), moved);
    assert_eq!((write().await, scene.writes()), (Outcome::Another, 0));
}

#[tokio::test(start_paused = true)]
async fn who_writes_over_it_is_answered_ever_less_often() {
    let scene = Scene::leading().await;
    scene.overwrite("a", "198.51.100.1");
    sleep(SECOND * 61).await;
    assert_eq!((scene.status("a").as_str(), scene.writes()), ("192.0.2.1", 2));
    for _ in 0..3600 {
        scene.overwrite("a", "198.51.100.1");
        scene.ours(&["a"]);
        sleep(SECOND).await;
    }
    let writes = scene.writes();
    assert!((10..30).contains(&writes), "{writes}");
}

#[tokio::test(start_paused = true)]
async fn the_last_replica_empties_what_it_wrote() {
    let fake = Scene::leading().await.stop().await;
    assert_eq!(fake.get(&path("a")).unwrap()["status"], json!({"loadBalancer": {}}));

    // Others take over.
    let scene = Scene::leading().await;
    let pod = json!({"metadata": {"name": "two", "labels": {"a": "b"}}});
    scene.fake.put("/api/v1/namespaces/ingress/pods/two", pod);
    assert_eq!(scene.stop().await.writes(PUT, "/status"), 1);

    // Who does not lead leaves it alone.
    let scene = Scene::leading().await;
    scene.leads.send_replace(false);
    assert_eq!(scene.stop().await.writes(PUT, "/status"), 1);

    // So do those with several addresses.
    let scene = Scene::leading().await;
    let addresses = ["192.0.2.1", "192.0.2.2"].map(|ip| Address::Ip(ip.parse().unwrap()));
    scene.addresses.send_replace(Some(addresses.to_vec()));
    scene.quiet().await;
    assert_eq!(scene.stop().await.writes(PUT, "/status"), 2);
}

#[tokio::test(start_paused = true)]
async fn without_permission_it_is_tried_again_later() {
    let scene = Scene::new();
    scene.fake.forbid(Method::PUT, "/status");
    scene.address("192.0.2.1");
    scene.leads.send_replace(true);
    sleep(SECOND * 600).await;
    assert_eq!(scene.status("a"), "none");
    scene.fake.allow();
    sleep(SECOND * 61).await;
    assert_eq!(scene.status("a"), "192.0.2.1");
}
