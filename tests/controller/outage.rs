//! The API server fails while requests are served: none is lost, and what was missed is caught up with, without a flap.

use std::sync::Arc;
use std::time::Duration;

use harness::api_server::ApiServer;
use harness::world::{Replica, World};
use harness::{Answer, Load, Manifests, Plan, Tally, Upstream};
use tokio::time::Instant;

/// A cluster whose one host is under load. Each answer must be that of the endpoint before or after the outage.
struct Scene {
    world: World,
    replica: Replica,
    old: Upstream,
    new: Upstream,
    load: Load,
}

impl Scene {
    async fn begin() -> Self {
        let world = World::in_memory().await;
        let (old, new) = (world.upstream("old").await, world.upstream("new").await);
        world.put_service("web", &[&old]).await;
        world.put_ingress("web", "a.test", "web").await;
        let replica = world.controller().await;
        replica.answers("a.test", 200, "old").await;
        let mut plan = Plan::get(replica.address(), 8, "a.test", "/");
        plan.check = Arc::new(|answer: &Answer| match (answer.status, answer.text()) {
            (200, "old" | "new") => Ok(()),
            (status, text) => Err(format!("answered {status}: {text}")),
        });
        let load = plan.start();
        load.reached(100).await;
        Self { world, replica, old, new, load }
    }

    fn server(&self) -> &ApiServer {
        self.world.server()
    }

    /// Longer than what is taken for a connection that was cut.
    async fn goes_on(&self) {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1200) {
            self.load.reached(self.load.good() + 100).await;
        }
    }

    /// What others do in the cluster meanwhile: the endpoints move, an Ingress is new.
    fn change(&self) {
        let server = self.server();
        server.put(self.world.slice("web", &self.new));
        let gone = self.world.slice("web", &self.old)["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(server.delete("endpointslices", &format!("{}/{gone}", self.world.name())));
        let late = Manifests::new().ingress("late").host("late.test").prefix("/", "web", 80);
        server.put(self.world.own(late.documents()[0].clone()));
    }

    /// What is known is served on: what has changed since is not known yet.
    async fn is_as_before(&self) {
        assert_eq!(self.replica.get("a.test", "/").await.text(), "old");
        assert_eq!(self.replica.get("late.test", "/").await.status, 404);
    }

    async fn catches_up(self) -> Tally {
        self.replica.answers("late.test", 200, "new").await;
        self.replica.answers("a.test", 200, "new").await;
        self.replica.until("no more problems", |published| published.problems.is_empty()).await;
        self.load.reached(self.load.good() + 100).await;
        let tally = self.load.stop().await;
        assert!(tally.failures.is_empty() && tally.refused + tally.unaccepted == 0, "{tally:?}");
        tally
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_and_forgets_its_history() {
    let scene = Scene::begin().await;
    scene.server().faults().stop().await;
    let away = |published: &ingress_controller::Published| {
        published.problems.iter().any(|problem| problem.to_string().contains("API server: cannot be reached"))
    };
    scene.replica.until("a word about it", away).await;
    scene.goes_on().await;
    scene.change();
    scene.server().faults().expire_history();
    scene.goes_on().await;
    scene.is_as_before().await;
    scene.server().faults().resume().await;
    scene.catches_up().await;
}

/// Lists take their time, and not all the same: what is known of a kind stays until all of it is known anew.
#[tokio::test]
async fn a_server_that_comes_back_slowly() {
    let scene = Scene::begin().await;
    let faults = scene.server().faults();
    faults.stop().await;
    scene.change();
    faults.expire_history();
    scene.goes_on().await;
    faults.slow(Duration::from_millis(500));
    faults.fail(1, "ingresses", 500);
    faults.fail(2, "services", 500);
    faults.resume().await;
    scene.catches_up().await;
}

#[tokio::test]
async fn a_server_that_answers_with_errors_for_a_while() {
    let scene = Scene::begin().await;
    scene.change_after_watches_fail(500).await;
    scene.catches_up().await;
}

#[tokio::test]
async fn a_server_that_is_asked_too_much() {
    let scene = Scene::begin().await;
    scene.change_after_watches_fail(429).await;
    scene.catches_up().await;
}

impl Scene {
    async fn change_after_watches_fail(&self, status: u16) {
        let faults = self.server().faults();
        faults.fail(usize::MAX, "*", status);
        faults.drop_watches();
        let said = format!("({status})");
        let says = |published: &ingress_controller::Published| {
            published.problems.iter().any(|problem| problem.to_string().contains(&said))
        };
        self.replica.until("a word about it", says).await;
        self.change();
        self.goes_on().await;
        self.is_as_before().await;
        faults.mend();
    }
}

#[tokio::test]
async fn a_server_that_hangs() {
    let scene = Scene::begin().await;
    scene.server().faults().hang(true);
    scene.change();
    scene.goes_on().await;
    scene.is_as_before().await;
    scene.server().faults().hang(false);
    scene.catches_up().await;
}

#[tokio::test]
async fn watches_that_are_cut_again_and_again() {
    let scene = Scene::begin().await;
    for _ in 0..20 {
        scene.server().faults().drop_watches();
        scene.load.reached(scene.load.good() + 20).await;
    }
    scene.change();
    scene.server().faults().drop_watches();
    scene.catches_up().await;
}

#[tokio::test]
async fn a_history_that_is_gone_while_all_is_well() {
    let scene = Scene::begin().await;
    for _ in 0..3 {
        scene.server().faults().expire_history();
        scene.load.reached(scene.load.good() + 20).await;
    }
    scene.change();
    scene.server().faults().expire_history();
    scene.catches_up().await;
}

/// Everything was taken away and put back while nobody looked: no moment without is seen.
#[tokio::test]
async fn what_was_away_only_during_the_outage_is_never_missed() {
    let scene = Scene::begin().await;
    scene.server().faults().stop().await;
    let Scene { world, .. } = &scene;
    for (plural, name) in [("services", "web"), ("ingresses", "web"), ("ingressclasses", world.name())] {
        let name =
            if plural == "ingressclasses" { name.to_owned() } else { format!("{}/{name}", world.name()) };
        let object = scene.server().get(plural, &name).unwrap();
        assert!(scene.server().delete(plural, &name));
        scene.server().put(object);
    }
    scene.change();
    scene.server().faults().expire_history();
    scene.goes_on().await;
    scene.server().faults().resume().await;
    scene.catches_up().await;
}
