//! What is none of the webhook's business, or goes away.

use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::objects::{annotated, ingress, of_class};
use crate::world::World;

/// An Ingress with all that would be refused in one of ours.
fn bad(name: &str) -> Value {
    let mut bad = ingress(name, &["a.test/", "a.test/x(y)"]);
    bad["spec"]["defaultBackend"] = crate::objects::web();
    annotated(annotated(bad, "server-snippet", "x"), "limit-rps", "five")
}

fn old() -> Value {
    ingress("shop/old", &["a.test/"])
}

#[tokio::test]
async fn other_classes_pass_without_a_word() {
    let world = World::start([
        old(),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": { "name": "theirs" }, "spec": { "controller": "example.com/theirs" },
        }),
    ])
    .await;
    let mut without = bad("shop/without");
    without["spec"].as_object_mut().unwrap().remove("ingressClassName");
    let by_annotation = annotated(without.clone(), "kubernetes.io/ingress.class", "theirs");
    let with_names = ["theirs", "unknown"].map(|class| of_class(bad(&format!("shop/{class}")), class));
    for mut object in with_names.into_iter().chain([without, by_annotation]) {
        assert_eq!(world.create(&object).await.unwrap(), Vec::<String>::new());
        object["metadata"]["labels"] = json!({ "a": "b" });
        if object["metadata"]["name"] != "without" {
            world.update(&object).await.unwrap();
        }
        let name = format!("shop/{}", object["metadata"]["name"].as_str().unwrap());
        world.server.delete("ingresses", &name);
    }
    // But nobody may smuggle directives in, as there might be an nginx of that class.
    let refusal = world.refusal(&of_class(ingress("shop/new", &["~a.test/x;alias /;"]), "theirs")).await;
    assert!(refusal.starts_with("spec.rules[0].http.paths[0].path: "), "{refusal}");
}

#[tokio::test]
async fn other_namespaces_pass() {
    let world = World::start_with([old()], |config| config.options.watch_namespace = "shop".into()).await;
    assert_eq!(world.create(&bad("web/new")).await.unwrap(), Vec::<String>::new());
    world.refusal(&bad("shop/new")).await;

    let namespace = |name: &str, team: &str| {
        let labels = json!({ "team": team });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
    };
    let objects = [old(), namespace("shop", "a"), namespace("web", "b")];
    let select = |config: &mut ingress_controller::RunConfig| {
        config.options.namespace_selector = "team=a".parse().unwrap();
    };
    let world = World::start_with(objects, select).await;
    assert_eq!(world.create(&bad("web/new")).await.unwrap(), Vec::<String>::new());
    world.refusal(&bad("shop/new")).await;
}

#[tokio::test]
async fn what_is_there_already_can_be_deleted_and_its_status_written() {
    // They came when there was no webhook.
    let world = World::start([old(), bad("shop/bad"), bad("shop/going")]).await;
    let api: Api<Ingress> = Api::namespaced(world.server.client(), "shop");
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
    api.patch_status("bad", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let label = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
    api.patch("bad", &PatchParams::default(), &label).await.unwrap_err();
    api.delete("bad", &DeleteParams::default()).await.unwrap();
    assert_eq!(world.server.get("ingresses", "shop/bad"), None);

    // Finalizers are taken off by updates of what is being deleted.
    let mut going = bad("shop/going");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    world.server.put(going.clone());
    world.update(&going).await.unwrap();
    // Where the rules cover more than they should.
    assert_eq!(world.verdict("DELETE", &bad("shop/bad")).await["allowed"], true);
}
