//! The settings for all.

use harness::Upstream;
use harness::world::{Replica, World};
use ingress_core::ObjectName;
use serde_json::{Value, json};

async fn put(world: &World, data: Value) {
    let mut config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": data });
    config_map["metadata"] = json!({ "name": "settings" });
    world.put(&config_map).await;
}

async fn start(world: &World, web: &Upstream) -> Replica {
    world.put_service("web", &[web]).await;
    world.put_ingress("web", "a.test", "web").await;
    let mut config = world.config();
    config.options.config_map = Some(ObjectName { namespace: world.name().into(), name: "settings".into() });
    Replica::start(config).await
}

/// What a body of two thousand bytes is answered with.
async fn upload(replica: &Replica) -> u16 {
    let mut client = harness::Client::connect(replica.address()).await;
    let body = "x".repeat(2000);
    client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000\r\n\r\n{body}")).await;
    client.answer_to("POST").await.status
}

pub(crate) async fn settings_are_live(world: &World) {
    let web = world.upstream("web").await;
    let replica = start(world, &web).await;
    let finding = replica.finding("MissingConfigMap").await;
    assert!(finding.contains("--configmap"), "{finding}");
    let before = replica.get("a.test", "/").await;
    assert!(before.header("server").is_none() && before.header("x-endpoint").is_some(), "{before:?}");
    assert_eq!(upload(&replica).await, 200);

    put(world, json!({ "server-tokens": "true", "hide-headers": "X-Endpoint" })).await;
    replica
        .until_answer("a.test", |answer| {
            answer.header("server").is_some() && answer.header("x-endpoint").is_none() && answer.status == 200
        })
        .await;
    replica.no_finding("MissingConfigMap").await;

    let published = replica.published();
    put(world, json!({ "proxy-body-size": "1k", "proxy-read-timeout": "1" })).await;
    replica.until("the next configuration", |now| now.generation > published.generation).await;
    replica.until_answer("a.test", |answer| answer.header("x-endpoint").is_some()).await;
    assert_eq!(upload(&replica).await, 413);
    // An endpoint that never answers is given up after a second, rather than after a minute.
    let stalling = world.stalling().await;
    world.put_endpoints("web", &[&stalling]).await;
    replica.answers("a.test", 504, "").await;

    world.put_endpoints("web", &[&web]).await;
    world.delete("ConfigMap", "settings").await;
    replica.finding("MissingConfigMap").await;
    replica.answers("a.test", 200, "web").await;
    assert_eq!(upload(&replica).await, 200);
}

pub(crate) async fn wrong_and_unknown_values_are_named(world: &World) {
    let web = world.upstream("web").await;
    put(world, json!({ "proxy-body-size": "1k" })).await;
    let replica = start(world, &web).await;
    assert_eq!(upload(&replica).await, 413);

    put(world, json!({ "proxy-body-size": "plenty", "made-up": "1", "made-up-too": "2" })).await;
    let wrong = replica.finding("InvalidSetting").await;
    assert!(wrong.contains("data[proxy-body-size]") && wrong.contains("\"plenty\""), "{wrong}");
    let unknown = replica.finding("UnknownSetting").await;
    assert!(unknown.contains("\"made-up\", \"made-up-too\""), "{unknown}");
    let named = |published: &ingress_controller::Published| {
        published.report.findings.iter().filter(|finding| finding.to_string().contains("made-up")).count()
    };
    assert_eq!(named(&replica.published()), 1);
    // The default, which is more than two thousand bytes, and not the value before.
    assert_eq!(upload(&replica).await, 200);
    for (reason, text) in [("InvalidSetting", "the default holds"), ("UnknownSetting", "made-up-too")] {
        let events = async || {
            let events = world.events("settings").await;
            events.into_iter().find(|event| event["reason"] == reason)
        };
        let event = world.until(format!("an event {reason}"), events).await;
        assert_eq!(
            (&event["type"], &event["involvedObject"]["kind"]),
            (&json!("Warning"), &json!("ConfigMap"))
        );
        assert!(event["message"].as_str().unwrap().contains(text), "{event}");
    }
}
