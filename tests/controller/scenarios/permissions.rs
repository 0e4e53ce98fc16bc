//! What the roles of `deploy/manifests` grant is all that the program needs.

use harness::world::{Program, World, ask};
use serde_json::{Value, json};

use crate::PROGRAM;

/// As a pod of the manifests, with a Service whose addresses are published.
pub(crate) async fn the_roles_of_the_manifests_are_enough(world: &World) {
    let web = world.upstream("web").await;
    world.put_service("web", &[&web]).await;
    world.put_ingress("web", "a.test", "web").await;
    world.put_ingress("astray", "b.test", "missing").await;
    world.put_pod("one").await;
    world.put_front("203.0.113.1").await;
    let user = format!("user-{}", world.name());
    world
        .grant(&user, &world.roles("deploy/manifests/deployment.yaml", &[("ingress-nginx", world.name())]))
        .await;

    let mut flags = world.flags();
    flags.push(format!("--kubeconfig={}", world.kubeconfig_as(&user).display()));
    flags.push(format!("--publish-service={}/front", world.name()));
    flags.push(format!("--configmap={}/settings", world.name()));
    let mut program = Program::start(PROGRAM, flags, &[("POD_NAME", "one"), ("POD_NAMESPACE", world.name())]);
    let (http, _) = program.serving().await;
    let answer = ask(http, "a.test", "/").await.unwrap();
    assert_eq!(answer.status, world.status_by_program(), "{:#?}", program.log.all());
    let has_status =
        |ingress: &Value| ingress["status"]["loadBalancer"]["ingress"] == json!([{ "ip": "203.0.113.1" }]);
    world.until_object("Ingress", "web", has_status).await;
    let warned = async || {
        let events = world.events("astray").await;
        events.into_iter().find(|event| event["reason"] == "UnknownService")
    };
    world.until("an event", warned).await;
    // Said again, it is counted, which takes another verb.
    let known = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" } });
    world.put(&known).await;
    let found = async || world.events("settings").await.into_iter().find(|event| event["reason"] == "CREATE");
    world.until("an event of the ConfigMap", found).await;

    program.signal("-TERM");
    assert_eq!(program.ended().await.code(), Some(0), "{:#?}", program.log.all());
    let emptied = world.get("Ingress", "web").await.unwrap();
    assert!(!has_status(&emptied), "the last one empties the status: {emptied}");
    let lease = world.get("Lease", world.name()).await.unwrap();
    assert!(lease["spec"]["holderIdentity"].as_str().is_none_or(str::is_empty), "{lease}");
    assert_eq!(program.log.find(&["cannot"]), None);
}
