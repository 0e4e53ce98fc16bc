//! Who has a host and path already, and who may share it.

use harness::within;
use serde_json::{Value, json};

use crate::objects::{annotated, ingress};
use crate::world::World;

fn created(mut ingress: Value, time: &str) -> Value {
    ingress["metadata"]["creationTimestamp"] = json!(time);
    ingress
}

fn canary(ingress: Value, value: &str) -> Value {
    annotated(ingress, "canary", value)
}

/// What is told of a path of `a.test`.
fn taken(path: &str, by: &str) -> String {
    format!("host \"a.test\" and path {path:?} is already defined in ingress {by}")
}

#[tokio::test]
async fn a_path_that_another_ingress_has_is_refused() {
    let world = World::start([
        ingress("shop/old", &["a.test/x", "/all", "a.test/"]),
        ingress("web/old", &["*.b.test"]),
    ])
    .await;
    for (path, reason) in [
        ("a.test/x", taken("/x", "shop/old")),
        ("=a.test/x", taken("/x", "shop/old")),
        ("~a.test/x", taken("/x", "shop/old")),
        ("a.test", taken("/", "shop/old")),
        ("/all", "host \"_\" and path \"/all\" is already defined in ingress shop/old".to_owned()),
        ("*.b.test/", "host \"*.b.test\" and path \"/\" is already defined in ingress web/old".to_owned()),
    ] {
        // Whose namespace it is makes no difference.
        for name in ["shop/new", "other/new"] {
            assert_eq!(world.refusal(&ingress(name, &["free.test/", path])).await, reason);
        }
    }
    let free = ["a.test/x/", "a.test/X", "www.b.test/", "b.test/", "/", "x.test/x"];
    world.create(&ingress("other/new", &free)).await.unwrap();
}

#[tokio::test]
async fn what_is_created_is_taken_and_what_is_deleted_is_free() {
    let world = World::start([]).await;
    let (one, two) = (ingress("shop/one", &["a.test/"]), ingress("shop/two", &["a.test/"]));
    world.create(&one).await.unwrap();
    world.knows("shop/one").await;
    assert_eq!(world.refusal(&two).await, taken("/", "shop/one"));
    world.server.delete("ingresses", "shop/one");
    let mut published = world.controller.published();
    within("the first to be forgotten", published.wait_for(|now| now.report.ours.is_empty())).await.unwrap();
    world.create(&two).await.unwrap();
}

#[tokio::test]
async fn who_comes_later_is_refused_whatever_the_clocks_and_names_say() {
    // Two within a second are of the same age, and here the older one is even younger.
    let world = World::start([created(ingress("shop/old", &["a.test/"]), "2099-01-01T00:00:00Z")]).await;
    assert_eq!(world.refusal(&ingress("shop/a", &["a.test/"])).await, taken("/", "shop/old"));
}

#[tokio::test]
async fn an_ingress_may_be_changed_but_not_into_the_path_of_another() {
    let world = World::start([
        created(ingress("shop/a", &["a.test/x"]), "2024-01-01T00:00:00Z"),
        created(ingress("shop/b", &["a.test/y"]), "2024-01-02T00:00:00Z"),
    ])
    .await;
    // Of itself, with the path that it has.
    let more = ingress("shop/b", &["a.test/y", "=a.test/z"]);
    world.update(&more).await.unwrap();
    let same = annotated(more, "proxy-read-timeout", "30");
    world.update(&same).await.unwrap();
    let status = world.update(&ingress("shop/b", &["a.test/x"])).await.unwrap_err();
    assert!(status.message.ends_with(&taken("/x", "shop/a")), "{}", status.message);
    assert_eq!(world.server.get("ingresses", "shop/b").unwrap()["spec"], same["spec"]);
    // The older one wins, so it may, as in ingress-nginx; but it is told what it does.
    let warnings = world.update(&ingress("shop/a", &["a.test/y"])).await.unwrap();
    let expected = "host \"a.test\" and path \"/y\" is also defined in ingress shop/b, which is younger and gets no requests for it";
    assert!(warnings.iter().any(|warning| warning == expected), "{warnings:?}");
}

#[tokio::test]
async fn canaries_share_the_path_of_another() {
    let primary = || ingress("shop/web", &["a.test/"]);
    let other = || ingress("shop/other", &["a.test/"]);
    // Any value of the annotation, on either of the two, switches the check off.
    for value in ["true", "false"] {
        World::start([primary()]).await.create(&canary(other(), value)).await.unwrap();
        World::start([canary(primary(), value)]).await.create(&other()).await.unwrap();
    }
    // A second canary of the same primary is no conflict; two without a primary are.
    let world = World::start([primary(), canary(ingress("shop/c1", &["a.test/"]), "true")]).await;
    world.create(&canary(other(), "true")).await.unwrap();
    let world = World::start([canary(ingress("shop/c1", &["a.test/"]), "true")]).await;
    assert_eq!(world.refusal(&canary(other(), "true")).await, taken("/", "shop/c1"));
    world.create(&canary(ingress("shop/c2", &["a.test/x"]), "true")).await.unwrap();
}
