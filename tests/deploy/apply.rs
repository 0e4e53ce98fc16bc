//! The API server takes every object, twice the same.

use harness::api_server::ApiServer;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::discovery::{Scope, oneshot};
use serde_json::Value;

use crate::objects::{label, name, namespace, read_all, text};

/// Kinds of operators that a cluster may not have.
const FOREIGN: &[&str] = &["ServiceMonitor", "PrometheusRule", "Certificate", "Issuer"];

#[tokio::test]
async fn every_object_is_taken() {
    for objects in read_all() {
        let server = ApiServer::start().await;
        let client = server.client();
        let known = objects.objects.iter().filter(|object| !FOREIGN.contains(&text(&object["kind"])));
        for object in known {
            let api = api(&client, object).await;
            let applied = apply(&api, object).await;
            let again = apply(&api, object).await;
            let version = |object: &DynamicObject| object.metadata.resource_version.clone();
            assert_eq!(
                version(&applied),
                version(&again),
                "{}: {} changes by itself",
                objects.file,
                label(object)
            );
        }
    }
}

async fn api(client: &kube::Client, object: &Value) -> Api<DynamicObject> {
    let (group, version) =
        text(&object["apiVersion"]).split_once('/').unwrap_or(("", text(&object["apiVersion"])));
    let kind = GroupVersionKind::gvk(group, version, text(&object["kind"]));
    let (resource, capabilities): (ApiResource, _) = oneshot::pinned_kind(client, &kind).await.unwrap();
    match capabilities.scope {
        Scope::Namespaced => Api::namespaced_with(client.clone(), namespace(object), &resource),
        Scope::Cluster => Api::all_with(client.clone(), &resource),
    }
}

async fn apply(api: &Api<DynamicObject>, object: &Value) -> DynamicObject {
    let params = PatchParams::apply("deploy");
    api.patch(name(object), &params, &Patch::Apply(object))
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", label(object)))
}
