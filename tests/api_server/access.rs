//! Permissions, in the words of a real API server.

use harness::api_server::{ApiServer, Denial, Rule};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{ingress, refused, typed};

#[tokio::test]
async fn a_verb_is_forbidden() {
    let server = ApiServer::start().await;
    server.put(ingress("web"));
    server.access().forbid(Denial::new("list", "ingresses").user("x"));
    server.access().forbid(Denial::new("patch", "ingresses/status").namespace("default"));
    let status = refused(Api::<Ingress>::all(server.client_as("x")).list(&ListParams::default()).await);
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        status.message,
        "ingresses.networking.k8s.io is forbidden: User \"x\" cannot list resource \"ingresses\" in API group \"networking.k8s.io\" at \
         the cluster scope"
    );
    let api = Api::<Ingress>::namespaced(server.client_as("y"), "default");
    api.list(&ListParams::default()).await.unwrap();
    let patch = Patch::Merge(json!({ "status": {} }));
    let status = refused(api.patch_status("web", &PatchParams::default(), &patch).await);
    assert_eq!(
        status.message,
        "ingresses.networking.k8s.io \"web\" is forbidden: User \"y\" cannot patch resource \"ingresses/status\" in API group \
         \"networking.k8s.io\" in the namespace \"default\""
    );
    server.access().allow_all();
    api.patch_status("web", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(server.writes()[0].user, "y");
}

#[tokio::test]
async fn only_what_a_role_says() {
    let server = ApiServer::start().await;
    let mut rules = Rule::of(&json!({
        "kind": "ClusterRole",
        "rules": [{ "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list", "watch"] }],
    }));
    rules.extend(Rule::of(&json!({
        "kind": "Role",
        "metadata": { "namespace": "own" },
        "rules": [
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["*"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list"], "resourceNames": ["leader"] },
        ],
    })));
    server.access().allow_only_to("controller", rules);
    let client = server.client_as("controller");
    let (all, post) = (ListParams::default(), PostParams::default());
    let ingresses = Api::<Ingress>::namespaced(client.clone(), "default");
    ingresses.list(&all).await.unwrap();
    assert!(refused(ingresses.create(&post, &typed(ingress("web"))).await).is_forbidden());
    Api::<Secret>::namespaced(client.clone(), "own").list(&all).await.unwrap();
    assert!(refused(Api::<Secret>::namespaced(client.clone(), "default").list(&all).await).is_forbidden());
    assert!(refused(Api::<Secret>::all(client.clone()).list(&all).await).is_forbidden());

    let leases = Api::<Lease>::namespaced(client, "own");
    leases.create(&post, &typed(json!({ "metadata": { "name": "leader" } }))).await.unwrap();
    leases.get("leader").await.unwrap();
    assert!(refused(leases.get("other").await).is_forbidden());
    assert!(refused(leases.list(&all).await).is_forbidden());
    leases.list(&all.fields("metadata.name=leader")).await.unwrap();
    Api::<Secret>::all(server.client()).list(&ListParams::default()).await.unwrap();
}
