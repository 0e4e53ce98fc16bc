use serde_json::json;
use tokio::task::JoinHandle;

use super::*;
use crate::status::fake::{Fake, Fault};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/ingress/leases/leader";
const TTL: Duration = Duration::from_secs(30);

struct Replica {
    leads: watch::Receiver<bool>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(fake: &Fake, name: &str) -> Self {
        let pod = Pod { namespace: "ingress".into(), name: name.into() };
        let election = Election { id: "leader".into(), ttl: TTL, ..Election::default() };
        let candidate = Candidate::new(fake.client(), &election, &pod);
        let (sender, leads) = watch::channel(false);
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(async move { candidate.run(&sender, stopped).await });
        Self { leads, stop, task }
    }

    fn leads(&self) -> bool {
        *self.leads.borrow()
    }

    /// Waits until it leads, or does not. Gives the time that took.
    async fn until(&mut self, leads: bool) -> Duration {
        let begin = Instant::now();
        timeout(TTL * 100, self.leads.wait_for(|now| *now == leads)).await.unwrap().unwrap();
        begin.elapsed()
    }

    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    /// As if the process was killed.
    fn kill(self) {
        self.task.abort();
    }
}

fn holder(fake: &Fake) -> serde_json::Value {
    fake.get(LEASE).unwrap()["spec"]["holderIdentity"].clone()
}

#[tokio::test(start_paused = true)]
async fn of_two_one_leads_and_the_other_follows_when_it_is_gone() {
    let fake = Fake::default();
    let mut one = Replica::start(&fake, "one");
    one.until(true).await;
    let mut two = Replica::start(&fake, "two");
    sleep(TTL * 10).await;
    assert!(one.leads() && !two.leads());
    let spec = fake.get(LEASE).unwrap()["spec"].clone();
    assert_eq!((&spec["holderIdentity"], &spec["leaseDurationSeconds"]), (&json!("one"), &json!(30)));
    assert_eq!(spec["leaseTransitions"], 0);
    // Go reads this time only with all six digits.
    let (acquired, renewed) = (spec["acquireTime"].as_str().unwrap(), spec["renewTime"].as_str().unwrap());
    assert!(acquired.len() == "2026-01-01T00:00:00.000000Z".len() && renewed > acquired);

    one.kill();
    let took = two.until(true).await;
    assert!(took > TTL / 2 && took < TTL * 2, "{took:?}");
    let spec = fake.get(LEASE).unwrap()["spec"].clone();
    assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!("two"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_release_hands_over_at_once() {
    let fake = Fake::default();
    let mut one = Replica::start(&fake, "one");
    one.until(true).await;
    let mut two = Replica::start(&fake, "two");
    sleep(TTL).await;
    one.stop().await;
    assert!(holder(&fake).is_null());
    // The next look comes after a quarter of the time, up to 2.2 times with jitter.
    assert!(two.until(true).await < TTL * 6 / 10);
    assert_eq!(fake.get(LEASE).unwrap()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_has_changed_is_released_all_the_same() {
    let fake = Fake::default();
    let mut one = Replica::start(&fake, "one");
    one.until(true).await;
    fake.fault(Fault::Conflict);
    one.stop().await;
    assert!(holder(&fake).is_null());
}

#[tokio::test(start_paused = true)]
async fn times_that_others_wrote_do_not_count() {
    let fake = Fake::default();
    for year in [1999, 2999] {
        let spec = json!({"holderIdentity": "other", "leaseDurationSeconds": 60, "leaseTransitions": 4,
            "acquireTime": format!("{year}-01-01T00:00:00.000000Z"), "renewTime": format!("{year}-01-01T00:00:00.000000Z")});
        fake.put(LEASE, json!({"metadata": {"name": "leader", "namespace": "ingress"}, "spec": spec}));
        let mut one = Replica::start(&fake, "one");
        let took = one.until(true).await;
        assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(80), "{took:?}");
        assert_eq!(fake.get(LEASE).unwrap()["spec"]["leaseTransitions"], 5);
        one.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_leads_no_longer_before_another_may() {
    for fault in [Fault::Hang, Fault::Broken] {
        let fake = Fake::default();
        let mut one = Replica::start(&fake, "one");
        one.until(true).await;
        fake.fault(fault);
        assert!(one.until(false).await <= TTL / 2, "{:?}", Instant::now());
        fake.fault(None);
        assert!(one.until(true).await < TTL);
        one.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_survived_and_a_thief_is_noticed() {
    let fake = Fake::default();
    let mut one = Replica::start(&fake, "one");
    one.until(true).await;
    fake.fault(Fault::Conflict);
    sleep(TTL).await;
    assert!(one.leads() && !one.leads.has_changed().unwrap());
    let mut stolen = fake.get(LEASE).unwrap();
    stolen["spec"]["holderIdentity"] = "thief".into();
    fake.put(LEASE, stolen);
    assert!(one.until(false).await <= TTL / 4);
    assert_eq!(holder(&fake), "thief");
}

#[tokio::test(start_paused = true)]
async fn without_permission_nobody_leads_until_it_is_granted() {
    let fake = Fake::default();
    fake.forbid(http::Method::POST, "leases");
    let mut one = Replica::start(&fake, "one");
    sleep(TTL * 5).await;
    assert!(!one.leads());
    fake.put(LEASE, json!({"metadata": {"name": "leader", "namespace": "ingress"}}));
    one.until(true).await;
}
