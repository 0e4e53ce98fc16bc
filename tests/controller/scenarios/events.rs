//! Events on the objects that they are about.

use harness::Manifests;
use harness::world::World;
use serde_json::{Value, json};

async fn event(world: &World, about: &[&str], reason: &str) -> Value {
    let events = async || {
        for about in about {
            let found = world.events(about).await.into_iter().find(|event| event["reason"] == reason);
            if found.is_some() {
                return found;
            }
        }
        None
    };
    world.until(format!("an event {reason} on {about:?}"), events).await
}

pub(crate) async fn what_is_wrong_is_an_event_on_the_ingress(world: &World) {
    let _replica = world.controller().await;
    let annotated = Manifests::new()
        .ingress("annotated")
        .nginx("proxy-read-timeout", "soon")
        .nginx("configuration-snippet", "more_set_headers 'a: b';")
        .host("a.test")
        .prefix("/", "missing", 80);
    world.put_all(&annotated).await;
    world.put_ingress("one", "b.test", "missing").await;
    world.put_ingress("two", "b.test", "missing").await;
    for (about, kind, reason, texts) in [
        (&["annotated"][..], "Warning", "UnknownService", &["missing", "; "][..]),
        (&["annotated"], "Warning", "InvalidAnnotation", &["proxy-read-timeout", "\"soon\"", "; "]),
        (&["annotated"], "Warning", "SnippetRefused", &["configuration-snippet", "never run", "; use "]),
        (&["one", "two"], "Warning", "PathConflict", &["is taken by ingress", "; remove one of the two"]),
        (&["annotated"], "Normal", "Sync", &["Scheduled for sync"]),
        (&["one"], "Normal", "Sync", &["Scheduled for sync"]),
        (&["two"], "Normal", "Sync", &["Scheduled for sync"]),
    ] {
        let event = event(world, about, reason).await;
        let message = event["message"].as_str().unwrap();
        assert!(texts.iter().all(|text| message.contains(text)), "{message}");
        assert_eq!(
            (&event["type"], &event["involvedObject"]["kind"]),
            (&json!(kind), &json!("Ingress")),
            "{event}"
        );
        assert_eq!(event["source"]["component"], "nginx-ingress-controller", "{event}");
        let name = event["involvedObject"]["name"].as_str().unwrap();
        let uid = world.get("Ingress", name).await.unwrap()["metadata"]["uid"].clone();
        assert_eq!(event["involvedObject"]["uid"], uid, "kubectl describe looks for it: {event}");
    }
}

pub(crate) async fn what_comes_back_is_counted(world: &World) {
    let replica = world.controller().await;
    world.put_ingress("web", "a.test", "web").await;
    event(world, &["web"], "UnknownService").await;
    world.put_service("web", &[]).await;
    replica.no_finding("UnknownService").await;
    // What came and went between two looks makes no event, and what is wrong now shows that there was a look.
    event(world, &["web"], "NoEndpoints").await;
    world.delete("Service", "web").await;
    replica.finding("UnknownService").await;
    let counted = async || {
        let events = world.events("web").await;
        let of: Vec<_> = events.iter().filter(|event| event["reason"] == "UnknownService").collect();
        assert_eq!(of.len(), 1, "one event that counts: {of:?}");
        (of[0]["count"] == 2).then_some(())
    };
    world.until("a count of 2", counted).await;
}
