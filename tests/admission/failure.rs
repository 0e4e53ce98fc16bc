//! The API server cannot ask.

use harness::{Plan, Upstream, within};

use crate::objects::{ingress, service};
use crate::world::{NAME, World, config, configuration, create, get, start};

#[tokio::test]
async fn a_webhook_that_is_away_stops_changes_and_no_traffic() {
    let upstream = Upstream::named("web").await;
    let mut objects = service("shop/web", upstream.address()).to_vec();
    objects.push(ingress("shop/old", &["a.test/"]));
    let world = World::unregistered(objects, |_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let replica = start(config(&world.server, &folder)).await;
    let address = world.webhook();
    world.server.put(configuration(&world.files, address, "Fail"));
    world.refusal(&ingress("shop/new", &["a.test/"])).await;

    let load = Plan::get(replica.http_addresses()[0], 2, "a.test", "/").start();
    let (server, files) = world.stop().await;
    let new = ingress("shop/new", &["b.test/"]);
    for _ in 0..3 {
        let status = create(&server, &new).await.unwrap_err();
        assert_eq!(status.code, 500);
        assert!(status.message.contains(&format!("failed calling webhook {NAME:?}")), "{}", status.message);
    }
    assert_eq!(server.get("ingresses", "shop/new"), None);
    // What is no Ingress is changed as ever.
    let other = Upstream::named("other").await;
    server.put_all(service("shop/web", other.address()));
    within("the new endpoint to be used", other.wait_requests(1)).await;
    load.reached(load.good() + 20).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.refused == 0, "{tally:?}");

    // Who would rather have changes unchecked than none says so, and gets them.
    server.put(configuration(&files, address, "Ignore"));
    create(&server, &new).await.unwrap();
    within("the new Ingress to be served", async {
        while get(&replica, "b.test", "/").await.status != 200 {}
    })
    .await;
}
