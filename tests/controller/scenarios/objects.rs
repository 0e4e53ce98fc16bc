//! Ingresses, Services, endpoints and Secrets: each change reaches traffic, or what is said about it.

use harness::Manifests;
use harness::world::World;
use serde_json::json;

pub(crate) async fn an_ingress_comes_changes_and_goes(world: &World) {
    let (one, two) = (world.upstream("one").await, world.upstream("two").await);
    world.put_service("one", &[&one]).await;
    world.put_service("two", &[&two]).await;
    let replica = world.controller().await;
    assert_eq!(replica.get("a.test", "/").await.status, 404);

    world.put_ingress("web", "a.test", "one").await;
    replica.answers("a.test", 200, "one").await;
    world.put_ingress("web", "a.test", "two").await;
    replica.answers("a.test", 200, "two").await;
    world.put_ingress("web", "b.test", "two").await;
    replica.answers("b.test", 200, "two").await;
    assert_eq!(replica.get("a.test", "/").await.status, 404);
    world.delete("Ingress", "web").await;
    replica.answers("b.test", 404, "").await;
}

pub(crate) async fn a_service_and_its_endpoints_come_change_and_go(world: &World) {
    let (one, two) = (world.upstream("one").await, world.upstream("two").await);
    let replica = world.controller().await;
    world.put_ingress("web", "a.test", "web").await;
    replica.answers("a.test", 503, "").await;
    let finding = replica.finding("UnknownService").await;
    assert!(
        finding.starts_with(&format!("ingress {}/web: spec.rules[0].http.paths[0].", world.name())),
        "{finding}"
    );

    world.put_service("web", &[]).await;
    let finding = replica.finding("NoEndpoints").await;
    assert!(finding.contains("web"), "{finding}");
    replica.answers("a.test", 503, "").await;
    world.put_endpoints("web", &[&one]).await;
    replica.answers("a.test", 200, "one").await;
    replica.no_finding("NoEndpoints").await;
    world.put_endpoints("web", &[&two]).await;
    replica.answers("a.test", 200, "two").await;

    world.put_all(&Manifests::new().ingress("web").host("a.test").prefix("/", "web", 81)).await;
    replica.answers("a.test", 503, "").await;
    replica.finding("UnknownPort").await;
    let mut service = Manifests::new().service_at("web", []).documents()[0].clone();
    service["spec"]["ports"][0]["port"] = json!(81);
    world.put(&service).await;
    replica.answers("a.test", 200, "two").await;

    world.delete("Service", "web").await;
    replica.answers("a.test", 503, "").await;
    replica.finding("UnknownService").await;
}

pub(crate) async fn a_secret_is_missed_until_it_is_there(world: &World) {
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    let mut ingress =
        Manifests::new().ingress("web").host("a.test").prefix("/", "web", 80).documents()[0].clone();
    ingress["spec"]["tls"] = json!([{ "hosts": ["a.test"], "secretName": "cert" }]);
    world.put(&ingress).await;
    let replica = world.controller().await;
    let finding = replica.finding("MissingSecret").await;
    assert!(finding.contains("there is no secret \"cert\""), "{finding}");
    // It counts as a host with a certificate all the same.
    replica.answers("a.test", 308, "").await;

    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": { "name": "cert" },
        "data": { "tls.crt": "Y2VydA==", "tls.key": "a2V5" },
    });
    world.put(&secret).await;
    replica.no_finding("MissingSecret").await;
    world.delete("Secret", "cert").await;
    replica.finding("MissingSecret").await;
    // It counts as a host with a certificate all the same.
    replica.answers("a.test", 308, "").await;
}
