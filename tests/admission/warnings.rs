//! What the author is told although it is not refused.

use harness::Upstream;
use serde_json::json;

use crate::objects::{annotated, ingress, service, settings};
use crate::world::World;

#[tokio::test]
async fn what_is_in_order_has_no_warnings_and_is_served() {
    let upstream = Upstream::named("web").await;
    let world = World::start(service("shop/web", upstream.address())).await;
    let new = annotated(ingress("shop/new", &["a.test/"]), "proxy-read-timeout", "30");
    assert_eq!(world.create(&new).await.unwrap(), Vec::<String>::new());
    world.knows("shop/new").await;
    assert_eq!(world.get("a.test", "/x").await.status, 200);
}

#[tokio::test]
async fn what_will_not_work_as_written_is_told() {
    let upstream = Upstream::named("web").await;
    let world = World::start(service("shop/web", upstream.address())).await;
    let with = |name: &str, value: &str| annotated(ingress("shop/new", &["a.test/"]), name, value);
    for (new, text) in [
        (with("proxy-read-timeout", "5x"), "expected whole seconds"),
        (with("proxy-raed-timeout", "5"), "proxy-read-timeout"),
        (with("secure-verify-ca-secret", "x"), "secure-verify-ca-secret"),
        (with("enable-influxdb", "true"), "enable-influxdb"),
        // Not served yet, so answered 503 by the controller; ingress-nginx's webhook passes what it answers 503, too.
        (with("auth-url", "http://auth.test/"), "503"),
    ] {
        let warnings = world.create(&new).await.unwrap();
        assert!(warnings.iter().any(|warning| warning.contains(text)), "{text}: {warnings:#?}");
        let name = format!("{}/new", new["metadata"]["namespace"].as_str().unwrap());
        world.server.delete("ingresses", &name);
    }
}

/// Anybody who reaches the webhook could ask for names with it.
#[tokio::test]
async fn whether_other_objects_exist_is_not_told() {
    let world = World::start([]).await;
    let mut new = ingress("web/new", &["a.test/"]);
    new["spec"]["tls"] = json!([{ "hosts": ["a.test"], "secretName": "certificate" }]);
    let warnings = world.create(&new).await.unwrap();
    assert_eq!(warnings, Vec::<String>::new(), "there are no such service and no such secret");
}

#[tokio::test]
async fn paths_with_unusual_characters_are_named_in_the_words_of_ingress_nginx() {
    let upstream = Upstream::named("web").await;
    let mut objects = service("shop/web", upstream.address()).to_vec();
    objects.push(settings(&[("strict-validate-path-type", "false")]));
    let world = World::start(objects).await;
    let warnings = world.create(&ingress("shop/new", &["a.test/a~b", "=a.test/c+d", "~a.test/e~f"])).await;
    assert_eq!(
        warnings.unwrap(),
        ["path /a~b cannot be used with pathType Prefix", "path /c+d cannot be used with pathType Exact"]
    );
}
