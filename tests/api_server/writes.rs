//! Writes: conflicts, the status, what the server owns, the kinds of patch.

use harness::api_server::ApiServer;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{ingress, refused, typed};

fn api<K>(server: &ApiServer) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    Api::namespaced(server.client(), "default")
}

#[tokio::test]
async fn what_was_written_meanwhile_is_not_overwritten() {
    let server = ApiServer::start().await;
    let api = api::<Ingress>(&server);
    let params = PostParams::default();
    let first = api.create(&params, &typed(ingress("web"))).await.unwrap();
    let mut second = first.clone();
    second.labels_mut().insert("a".into(), "b".into());
    let second = api.replace("web", &params, &second).await.unwrap();
    assert_ne!(first.resource_version(), second.resource_version());
    let status = refused(api.replace("web", &params, &first).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on ingresses.networking.k8s.io \"web\": the object has been modified; please apply your \
         changes to the latest version and try again"
    );
    let status = refused(api.replace_status("web", &params, &first).await);
    assert_eq!(status.reason, "Conflict");
    let status = refused(api.create(&params, &typed(ingress("web"))).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists"));
    assert!(refused(api.get("other").await).is_not_found());
    assert!(refused(api.replace("other", &params, &typed(ingress("other"))).await).is_not_found());
}

#[tokio::test]
async fn a_lease_is_only_replaced_by_who_has_seen_it() {
    let server = ApiServer::start().await;
    let api = api::<Lease>(&server);
    let lease: Lease = typed(json!({ "metadata": { "name": "leader" }, "spec": { "holderIdentity": "a" } }));
    api.create(&PostParams::default(), &lease).await.unwrap();
    let status = refused(api.replace("leader", &PostParams::default(), &lease).await);
    assert!(status.is_invalid() && status.message.contains("must be specified for an update"), "{status}");
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let server = ApiServer::start().await;
    let api = api::<Ingress>(&server);
    let address = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    let mut object = ingress("web");
    object["status"] = address.clone();
    api.create(&PostParams::default(), &typed(object.clone())).await.unwrap();
    let stored = server.get("ingresses", "web").unwrap();
    assert_eq!(
        stored["status"],
        json!({ "loadBalancer": {} }),
        "a new Ingress has no status, whatever is sent"
    );

    object["spec"]["rules"][0]["host"] = json!("ignored.test");
    object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
    object["metadata"]["labels"] = json!({ "ignored": "yes" });
    api.replace_status("web", &PostParams::default(), &typed(object.clone())).await.unwrap();
    let stored = server.get("ingresses", "web").unwrap();
    assert_eq!(stored["status"], address);
    assert_eq!(stored["spec"]["rules"][0]["host"], "web.test");
    assert_eq!(stored["metadata"]["labels"], json!(null));
    assert_eq!(stored["metadata"]["generation"], 1);

    object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
    object["status"] = json!({});
    api.replace("web", &PostParams::default(), &typed(object)).await.unwrap();
    let stored = server.get("ingresses", "web").unwrap();
    assert_eq!(stored["status"], address);
    assert_eq!(stored["spec"]["rules"][0]["host"], "ignored.test");
    assert_eq!(stored["metadata"]["generation"], 2);

    let writes: Vec<_> = server.writes().into_iter().map(|write| (write.verb, write.resource)).collect();
    let expected = [("create", "ingresses"), ("update", "ingresses/status"), ("update", "ingresses")];
    assert_eq!(writes, expected.map(|(verb, resource)| (verb, resource.to_owned())));
    assert_eq!(server.writes()[1].object_value()["status"], address);
    assert_eq!(server.requests("update", "ingresses/status"), 1);
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_the_version() {
    let server = ApiServer::start().await;
    let api = api::<Ingress>(&server);
    let first = api.create(&PostParams::default(), &typed(ingress("web"))).await.unwrap();
    let second = api.replace("web", &PostParams::default(), &first).await.unwrap();
    assert_eq!(first.resource_version(), second.resource_version());
    assert!(!server.writes()[1].changed);
}

#[tokio::test]
async fn the_server_sets_what_is_its_own() {
    let server = ApiServer::start().await;
    let api = api::<Event>(&server);
    let event = json!({
        "metadata": { "generateName": "web.", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z" },
        "involvedObject": { "kind": "Ingress", "name": "web" },
    });
    let first = api.create(&PostParams::default(), &typed(event.clone())).await.unwrap();
    let second = api.create(&PostParams::default(), &typed(event)).await.unwrap();
    assert!(first.name_any().starts_with("web.") && first.name_any() != second.name_any());
    assert!(first.uid().unwrap() != "mine" && first.uid() != second.uid());
    assert!(
        server
            .list("events")
            .iter()
            .all(|event| event["metadata"]["creationTimestamp"] != "2001-01-01T00:00:00Z")
    );
    let about = ListParams::default().fields("involvedObject.name=web,involvedObject.kind=Ingress");
    assert_eq!(api.list(&about).await.unwrap().items.len(), 2);

    let mut old = ingress("old");
    old["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    server.put(old);
    let old = server.get("ingresses", "old").unwrap();
    assert_eq!(old["metadata"]["creationTimestamp"], "2001-01-01T00:00:00Z", "a test may be older than now");
}

#[tokio::test]
async fn patches_of_every_kind() {
    let server = ApiServer::start().await;
    let api = api::<Ingress>(&server);
    api.create(&PostParams::default(), &typed(ingress("web"))).await.unwrap();
    let params = PatchParams::default();
    let host =
        |object: &Ingress| object.spec.as_ref().unwrap().rules.as_ref().unwrap()[0].host.clone().unwrap();

    let patch = json!({ "metadata": { "labels": { "a": "b", "c": "d" } } });
    api.patch("web", &params, &Patch::Merge(patch)).await.unwrap();
    let patch = json!({ "metadata": { "labels": { "a": null } } });
    let object = api.patch("web", &params, &Patch::Strategic(patch)).await.unwrap();
    assert_eq!(object.labels().keys().collect::<Vec<_>>(), ["c"]);

    let patch = json!([{ "op": "replace", "path": "/spec/rules/0/host", "value": "json.test" }]);
    let patch = serde_json::from_value(patch).unwrap();
    assert_eq!(host(&api.patch("web", &params, &Patch::Json::<()>(patch)).await.unwrap()), "json.test");

    let mut applied = ingress("web");
    applied["spec"]["rules"][0]["host"] = json!("applied.test");
    let apply = PatchParams::apply("tester").force();
    let object = api.patch("web", &apply, &Patch::Apply(&applied)).await.unwrap();
    assert_eq!(host(&object), "applied.test");
    assert_eq!(object.managed_fields()[0].manager.as_deref(), Some("tester"));
    let again = api.patch("web", &apply, &Patch::Apply(&applied)).await.unwrap();
    assert_eq!(again.resource_version(), object.resource_version());
    api.patch("new", &apply, &Patch::Apply(&ingress("new"))).await.unwrap();
    assert!(server.get("ingresses", "new").is_some(), "what is applied and is not there is created");

    let patch = json!({ "metadata": { "resourceVersion": "1" } });
    assert!(refused(api.patch("web", &params, &Patch::Merge(patch)).await).is_conflict());
    let patch = json!({ "spec": { "rules": null } });
    let status = refused(api.patch("web", &params, &Patch::Merge(patch)).await);
    assert!(status.is_invalid() && status.message.contains("must be specified"), "{status}");
}

#[tokio::test]
async fn deletion_and_its_preconditions() {
    let server = ApiServer::start().await;
    server.put_all(["a", "b", "c"].map(ingress));
    let api = api::<Ingress>(&server);
    let preconditions = Preconditions { uid: Some("another".to_owned()), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    assert!(refused(api.delete("a", &params).await).is_conflict());
    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(refused(api.delete("a", &DeleteParams::default()).await).is_not_found());
    let one = ListParams::default().fields("metadata.name=b");
    api.delete_collection(&DeleteParams::default(), &one).await.unwrap();
    assert_eq!(server.list("ingresses").len(), 1);
}
