use http::Method;
use ingress_core::{ObjectRef, Severity};
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::task::JoinHandle;

use super::*;
use crate::status::fake::{Fake, Fault};

const EVENTS: &str = "/api/v1/namespaces/shop/events";
const POST: &Method = &Method::POST;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Source(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    ingresses: HashMap<ObjectName, Arc<Ingress>>,
    config_map: Option<Arc<ConfigMap>>,
}

impl Look for Source {
    fn ingress(&self, name: &ObjectName) -> Option<Arc<Ingress>> {
        self.0.lock().unwrap().ingresses.get(name).cloned()
    }

    fn service(&self, _: &ObjectName) -> Option<Arc<Service>> {
        None
    }

    fn config_map(&self, _: &ObjectName) -> Option<Arc<ConfigMap>> {
        self.0.lock().unwrap().config_map.clone()
    }
}

fn name(name: &str) -> ObjectName {
    ObjectName { namespace: "shop".into(), name: name.into() }
}

struct Scene {
    fake: Fake,
    source: Source,
    published: watch::Sender<Arc<Published>>,
    _stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Scene {
    fn new(fake: &Fake) -> Self {
        let (published, stop) = (watch::Sender::new(Arc::default()), watch::Sender::new(()));
        let inputs = Inputs {
            published: published.subscribe(),
            stop: stop.subscribe(),
            instance: Some("one".into()),
            sync: true,
            config_map: Some(name("settings")),
        };
        let source = Source::default();
        let task = tokio::spawn(run(fake.client(), source.clone(), inputs));
        Self { fake: fake.clone(), source, published, _stop: stop, task }
    }

    fn ingress(&self, text: &str, annotation: &str) {
        let metadata = json!({"name": text, "namespace": "shop", "uid": format!("uid-of-{text}"),
            "annotations": {"a": annotation}});
        let ingress: Ingress = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        self.source.0.lock().unwrap().ingresses.insert(name(text), Arc::new(ingress));
    }

    fn config_map(&self, value: &str) {
        let metadata = json!({"name": "settings", "namespace": "shop"});
        let map = serde_json::from_value(json!({"metadata": metadata, "data": {"a": value}})).unwrap();
        self.source.0.lock().unwrap().config_map = Some(Arc::new(map));
    }

    /// All Ingresses are ours; these have a defect each.
    async fn publish(&self, defects: &[(&str, &str)]) {
        let mut published = Published { generation: 1, ..Published::default() };
        published.report.ours = self.source.0.lock().unwrap().ingresses.keys().cloned().collect();
        published.report.findings =
            defects.iter().map(|(object, message)| finding(object, message)).collect();
        self.published.send_replace(Arc::new(published));
        sleep(SECOND * 10).await;
    }

    /// Those of a reason.
    fn events(&self, reason: &str) -> Vec<Value> {
        self.fake.all(EVENTS).into_iter().filter(|event| event["reason"] == reason).collect()
    }
}

fn finding(object: &str, message: &str) -> Finding {
    let object = ObjectRef::new("ingress", "shop", object);
    Finding::new(Severity::Error, "UnknownPort", object, "spec.rules[0]", message, "name another")
}

#[tokio::test(start_paused = true)]
async fn each_defect_that_is_new_is_said_on_its_object() {
    let scene = Scene::new(&Fake::default());
    scene.ingress("web", "");
    scene.publish(&[("web", "there is no port 81")]).await;
    let events = scene.events("UnknownPort");
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event["message"], "spec.rules[0]: there is no port 81; name another");
    assert_eq!((&event["type"], &event["count"]), (&json!("Warning"), &json!(1)));
    assert_eq!(event["source"]["component"], "nginx-ingress-controller");
    let object = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "namespace": "shop", "name": "web",
        "uid": "uid-of-web"});
    assert_eq!(event["involvedObject"], object);

    // What was said is not said again; what comes back is counted.
    let both = [("web", "there is no port 81"), ("web", "there is no port 82")];
    scene.publish(&both).await;
    assert_eq!(scene.events("UnknownPort").len(), 2);
    assert_eq!(scene.fake.writes(POST, EVENTS), 3);
    scene.publish(&[]).await;
    scene.publish(&both[..1]).await;
    let events = scene.events("UnknownPort");
    let counts: i64 = events.iter().map(|event| event["count"].as_i64().unwrap()).sum();
    assert_eq!((events.len(), counts, scene.fake.writes(POST, EVENTS)), (2, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn replicas_count_in_one_event_and_an_expired_one_is_made_anew() {
    let fake = Fake::default();
    let scene = Scene::new(&fake);
    scene.ingress("web", "");
    scene.publish(&[]).await;
    let other = Scene::new(&fake);
    other.ingress("web", "");
    other.publish(&[]).await;
    let events = scene.events("Sync");
    assert_eq!((events.len(), &events[0]["count"]), (1, &json!(2)));
    assert_eq!((&events[0]["type"], &events[0]["message"]), (&json!("Normal"), &json!("Scheduled for sync")));
    fake.delete(&format!("{EVENTS}/{}", events[0]["metadata"]["name"].as_str().unwrap()));
    scene.ingress("web", "changed");
    scene.publish(&[]).await;
    assert_eq!(scene.events("Sync")[0]["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_ingress_is_scheduled_when_it_changes_and_not_when_its_status_does() {
    let scene = Scene::new(&Fake::default());
    scene.ingress("web", "");
    scene.publish(&[]).await;
    scene.ingress("web", "");
    scene.publish(&[]).await;
    assert_eq!(scene.events("Sync")[0]["count"], 1);
    scene.ingress("web", "changed");
    scene.publish(&[]).await;
    assert_eq!(scene.events("Sync")[0]["count"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_start_with_many_is_quiet_and_what_comes_later_is_not() {
    let scene = Scene::new(&Fake::default());
    for number in 0..=MANY {
        scene.ingress(&format!("web-{number}"), "");
    }
    scene.publish(&[]).await;
    assert_eq!(scene.events("Sync").len(), 0);
    scene.ingress("new", "");
    scene.publish(&[]).await;
    assert_eq!(scene.events("Sync").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_config_map_is_created_and_updated() {
    let scene = Scene::new(&Fake::default());
    scene.config_map("1");
    scene.publish(&[]).await;
    scene.config_map("1");
    scene.publish(&[]).await;
    assert_eq!((scene.events("CREATE").len(), scene.events("UPDATE").len()), (1, 0));
    scene.config_map("2");
    scene.publish(&[]).await;
    assert_eq!(scene.events("UPDATE")[0]["message"], "ConfigMap shop/settings");
}

#[tokio::test(start_paused = true)]
async fn twenty_a_second_and_what_is_too_much_is_dropped() {
    let scene = Scene::new(&Fake::default());
    let names: Vec<_> = (0..QUEUE + 500).map(|number| format!("web-{number}")).collect();
    let defects: Vec<_> = names.iter().map(|name| (name.as_str(), "wrong")).collect();
    scene.publish(&defects).await;
    let events = scene.fake.writes(POST, EVENTS);
    assert!((150..=200).contains(&events), "{events} in ten seconds");
    sleep(SECOND * 600).await;
    assert_eq!(scene.fake.writes(POST, EVENTS), QUEUE);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_and_a_missing_permission_only_after_a_while() {
    let scene = Scene::new(&Fake::default());
    scene.ingress("web", "");
    scene.fake.fault(Fault::Broken);
    scene.publish(&[]).await;
    scene.fake.fault(None);
    sleep(SECOND * 30).await;
    assert_eq!(scene.events("Sync").len(), 1);

    scene.fake.forbid(Method::POST, "/events");
    scene.publish(&[("web", "one")]).await;
    scene.fake.allow();
    scene.publish(&[("web", "two")]).await;
    assert_eq!(scene.events("UnknownPort").len(), 0);
    sleep(SECOND * 60).await;
    scene.publish(&[("web", "three")]).await;
    assert_eq!(scene.events("UnknownPort").len(), 1);
    assert!(!scene.task.is_finished());
}
