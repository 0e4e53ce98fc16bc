//! Which Ingresses are ours may change at any time.

use harness::Manifests;
use harness::world::{Replica, World};

fn of_class(class: &str) -> Manifests {
    Manifests::new().ingress("web").class(class).host("a.test").prefix("/", "web", 80)
}

async fn is_left_alone(world: &World, replica: &Replica, why: &str) {
    replica.answers("a.test", 404, "").await;
    let published = replica.published();
    let skipped = published.report.skipped.iter().find(|skipped| skipped.object.namespace == world.name());
    let skipped = skipped.expect("an ingress that is not ours");
    assert!(skipped.reason.contains(why), "{}", skipped.reason);
    assert!(published.report.ours.is_empty() && published.report.findings.is_empty(), "{published:?}");
}

pub(crate) async fn a_class_may_come_later_and_go(world: &World) {
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    let class = format!("{}-later", world.name());
    world.put_all(&of_class(&class)).await;
    let replica = world.controller().await;
    is_left_alone(world, &replica, &class).await;

    world.put_class(&class, &world.controller_class()).await;
    replica.answers("a.test", 200, "web").await;
    world.delete("IngressClass", &class).await;
    is_left_alone(world, &replica, &class).await;
    world.put_class(&class, "example.test/another").await;
    is_left_alone(world, &replica, &class).await;
    // What a class is for cannot be changed: it is made anew.
    world.delete("IngressClass", &class).await;
    world.put_class(&class, &world.controller_class()).await;
    replica.answers("a.test", 200, "web").await;
}

pub(crate) async fn an_ingress_that_changes_its_class_is_let_go(world: &World) {
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    world.put_pod("one").await;
    world.put_all(&of_class(world.name())).await;
    let replica = Replica::start(world.config_in_pod("one", "203.0.113.1")).await;
    replica.answers("a.test", 200, "web").await;
    let address = "/status/loadBalancer/ingress/0/ip";
    world.until_object("Ingress", "web", |web| web.pointer(address).is_some()).await;

    let other = format!("{}-other", world.name());
    world.put_class(&other, "example.test/another").await;
    world.put_all(&of_class(&other)).await;
    is_left_alone(world, &replica, &other).await;
    // Its status does not go on saying that it is served here.
    world.until_object("Ingress", "web", |web| web.pointer(address).is_none()).await;

    world.put_all(&of_class(world.name())).await;
    replica.answers("a.test", 200, "web").await;
    world.until_object("Ingress", "web", |web| web.pointer(address).is_some()).await;
}
