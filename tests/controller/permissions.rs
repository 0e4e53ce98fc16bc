//! Without one of the verbs that the roles of `deploy/manifests` grant, that verb is named, and all else goes on.

use futures_util::{StreamExt as _, stream};
use harness::Manifests;
use harness::api_server::Rule;
use harness::world::{Program, ReservedPort, World, ask};
use serde_json::{Value, json};

use crate::PROGRAM;

const USER: &str = "system:serviceaccount:ingress-nginx:ingress-nginx";

/// Each rule as many that grant one verb on one resource.
fn single(rules: &[Rule]) -> Vec<Rule> {
    let mut singles = Vec::new();
    for rule in rules {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let (verbs, resources) = (vec![verb.clone()], vec![resource.clone()]);
                singles.push(Rule { verbs, resources, ..rule.clone() });
            }
        }
    }
    singles
}

/// A cluster with something of everything, and the program in it as `USER`.
struct Scene {
    world: World,
    program: Program,
    _web: harness::Upstream,
    healthz: ReservedPort,
}

impl Scene {
    async fn begin(grant: impl Fn(&World) -> Vec<Rule>, more: impl Fn(&World) -> Vec<String>) -> Self {
        // Without an address that endpoints may have, that there is a route is all that can be seen.
        let world = match World::in_memory_for_program().await {
            Some(world) => world,
            None => World::in_memory().await,
        };
        let web = world.upstream("web").await;
        world.put_service("web", &[&web]).await;
        world.put_ingress("web", "a.test", "web").await;
        let by_annotation = Manifests::new()
            .ingress("annotated")
            .annotation("kubernetes.io/ingress.class", world.name())
            .host("annotated.test")
            .prefix("/", "web", 80)
            .prefix("/missing", "missing", 80);
        world.put_all(&by_annotation).await;
        world.put_pod("one").await;
        world.put_front("203.0.113.1").await;
        let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" } });
        world.put(&settings).await;
        world.server().access().allow_only_to(USER, grant(&world));

        let healthz = ReservedPort::new();
        let kubeconfig = world.kubeconfig_as(USER);
        let mut flags = world.flags();
        flags.retain(|flag| !flag.starts_with("--healthz-port"));
        flags.push(format!("--healthz-port={}", healthz.address().port()));
        flags.push(format!("--kubeconfig={}", kubeconfig.display()));
        flags.push(format!("--publish-service={}/front", world.name()));
        flags.push(format!("--configmap={}/settings", world.name()));
        flags.extend(more(&world));
        let pod = [("POD_NAME", "one"), ("POD_NAMESPACE", world.name())];
        let program = Program::start(PROGRAM, flags, &pod);
        Self { world, program, _web: web, healthz }
    }

    async fn serves(&self, host: &str) {
        let (http, _) = self.program.serving().await;
        let answer = ask(http, host, "/").await.unwrap();
        assert_eq!(answer.status, self.world.status_by_program(), "{host}: {:#?}", self.program.log.all());
    }

    async fn has_status(&self) {
        let has = |ingress: &Value| ingress["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.1";
        self.world.until_object("Ingress", "web", has).await;
    }

    async fn has_event(&self) {
        let warned = async || {
            let events = self.world.events("annotated").await;
            events.into_iter().find(|event| event["reason"] == "UnknownService")
        };
        self.world.until("an event", warned).await;
    }

    fn denied(&self) -> Option<String> {
        self.program.log.find(&["cannot"])
    }
}

const MANIFESTS: &str = "deploy/manifests/deployment.yaml";

fn granted(world: &World) -> Vec<Rule> {
    world.roles(MANIFESTS, &[("ingress-nginx", world.name())]).iter().flat_map(Rule::of).collect()
}

/// The chart with `controller.scope`: Roles in one namespace, and in that of the pod.
#[tokio::test]
async fn the_roles_for_one_namespace_are_enough() {
    let grant = |world: &World| {
        let places = [("shop", world.name()), ("ingress", world.name())];
        world.roles("tests/deploy/rendered/scoped.yaml", &places).iter().flat_map(Rule::of).collect()
    };
    let mut scene = Scene::begin(grant, |world| vec![format!("--watch-namespace={}", world.name())]).await;
    scene.serves("a.test").await;
    scene.has_status().await;
    scene.has_event().await;
    scene.program.signal("-TERM");
    assert_eq!(scene.program.ended().await.code(), Some(0));
    assert_eq!(scene.denied(), None);
}

async fn without(verb: &str, resource: &str) -> Scene {
    let denied = (verb.to_owned(), resource.to_owned());
    let grant = move |world: &World| {
        let mut rules = single(&granted(world));
        let all = rules.len();
        rules.retain(|rule| (rule.verbs[0].as_str(), rule.resources[0].as_str()) != (&denied.0, &denied.1));
        assert!(rules.len() < all, "{denied:?} is not granted");
        rules
    };
    Scene::begin(grant, |_| Vec::new()).await
}

async fn is_named(scene: &Scene, verb: &str, resource: &str) {
    let (plain, sub) = resource.split_once('/').unwrap_or((resource, ""));
    let line = scene.program.log.line_with(&["cannot ", verb, plain, sub]).await;
    assert!(line.contains(&format!("cannot {verb} {plain}")), "{line}");
    assert!(
        line.contains(&format!("the verb \"{verb}\" on")) || line.contains("the verbs list and watch on"),
        "{line}"
    );
}

/// Without these there is nothing to serve, and half of it is not served.
#[tokio::test]
async fn what_cannot_be_done_without_is_waited_for() {
    let resources = ["ingresses", "services", "endpointslices"];
    let cases = resources.map(|resource| async move {
        let scene = without("list", resource).await;
        is_named(&scene, "list", resource).await;
        let ready = ask(scene.healthz.address(), "x", "/readyz").await.unwrap();
        assert_eq!(ready.status, 500);
        assert!(ready.text().contains(&format!("cannot list {resource}")), "{}", ready.text());
        assert!(scene.program.log.find(&["serving HTTP"]).is_none());
        // It is granted: no restart is needed.
        scene.world.server().access().allow_only_to(USER, granted(&scene.world));
        scene.serves("a.test").await;
    });
    stream::iter(cases).buffer_unordered(3).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn without_one_verb_all_else_goes_on() {
    let cases = [
        ("list", "ingressclasses"),
        ("watch", "ingressclasses"),
        ("watch", "ingresses"),
        ("watch", "services"),
        ("watch", "endpointslices"),
        ("list", "secrets"),
        ("watch", "secrets"),
        ("list", "configmaps"),
        ("watch", "configmaps"),
        ("get", "ingresses"),
        ("update", "ingresses/status"),
        ("create", "events"),
        ("get", "leases"),
        ("create", "leases"),
    ];
    let cases = cases.map(|(verb, resource)| async move {
        let scene = without(verb, resource).await;
        is_named(&scene, verb, resource).await;
        // A class that is named in the annotation needs no object.
        scene.serves("annotated.test").await;
        if (verb, resource) != ("list", "ingressclasses") {
            scene.serves("a.test").await;
        }
        // Everything else is told to the cluster as ever.
        if !matches!(resource, "ingresses" | "ingresses/status" | "leases" | "ingressclasses") {
            scene.has_status().await;
        }
        if resource != "events" {
            scene.has_event().await;
        }
    });
    Box::pin(stream::iter(cases).buffer_unordered(7).collect::<Vec<()>>()).await;
}

/// These are used later than at the start.
#[tokio::test]
async fn verbs_that_are_needed_later_are_named_then() {
    let cases =
        [("update", "leases"), ("patch", "events"), ("list", "pods")].map(|(verb, resource)| async move {
            let mut scene = without(verb, resource).await;
            scene.serves("a.test").await;
            scene.has_event().await;
            if resource == "events" {
                // The same again, so that it is counted.
                let world = &scene.world;
                world.put_service("missing", &[]).await;
                scene.program.log.line("resolved").await;
                world
                    .until("an event NoEndpoints", async || {
                        let events = world.events("annotated").await;
                        events.into_iter().find(|event| event["reason"] == "NoEndpoints")
                    })
                    .await;
                world.delete("Service", "missing").await;
            } else {
                scene.has_status().await;
            }
            if resource == "pods" {
                scene.program.signal("-TERM");
                assert_eq!(scene.program.ended().await.code(), Some(0));
            }
            is_named(&scene, verb, resource).await;
        });
    stream::iter(cases).buffer_unordered(3).collect::<Vec<()>>().await;
}
