//! Events (core/v1) on the objects that they are about: each defect that is new, each Ingress that is scheduled, each change of the
//! ConfigMap. Every replica makes them; that the same is said several times shows in the count of one event.

mod limit;
mod record;
mod send;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ingress_core::{Finding, ObjectName};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use self::record::Record;
use self::send::Sender;
use super::look::Look;
use crate::control::Published;

/// So many events wait; what comes then is dropped, as a log of the same holds it.
const QUEUE: usize = 1024;
/// Changes are looked at no more often than this.
const PAUSE: Duration = Duration::from_secs(1);
/// With more Ingresses than this at the start, only later changes make `Sync` events.
const MANY: usize = 100;

/// What events are made of.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) published: watch::Receiver<Arc<Published>>,
    /// Closed when all is to end.
    pub(super) stop: watch::Receiver<()>,
    /// The name of our pod.
    pub(super) instance: Option<String>,
    /// Make `Sync` events.
    pub(super) sync: bool,
    /// The ConfigMap with our settings.
    pub(super) config_map: Option<ObjectName>,
}

/// Makes events until told to stop; what waits then is dropped.
pub(super) async fn run(client: Client, look: impl Look, inputs: Inputs) {
    let (queue, records) = mpsc::channel(QUEUE);
    let sender = Sender::new(client, inputs.instance.clone()).run(records);
    let mut stop = inputs.stop.clone();
    tokio::select! {
        biased;
        _ = stop.changed() => {}
        () = Recorder::new(look, queue, &inputs).run(inputs.published) => {}
        () = sender => {}
    }
}

/// Finds out what has changed, and queues an event for it.
struct Recorder<L> {
    look: L,
    queue: mpsc::Sender<Record>,
    dropped: u64,
    sync: bool,
    config_map: Option<ObjectName>,
    /// What was seen last; `None` before the first report.
    seen: Option<Seen>,
}

#[derive(Default)]
struct Seen {
    published: Arc<Published>,
    ingresses: HashMap<ObjectName, Arc<Ingress>>,
    config_map: Option<Arc<ConfigMap>>,
}

impl<L: Look> Recorder<L> {
    fn new(look: L, queue: mpsc::Sender<Record>, inputs: &Inputs) -> Self {
        let (sync, config_map) = (inputs.sync, inputs.config_map.clone());
        Self { look, queue, dropped: 0, sync, config_map, seen: None }
    }

    async fn run(mut self, mut published: watch::Receiver<Arc<Published>>) {
        loop {
            let now = published.borrow_and_update().clone();
            // Before the first compile there is nothing to tell.
            if now.generation > 0 {
                self.changed(now);
            }
            sleep(PAUSE).await;
            if published.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn changed(&mut self, published: Arc<Published>) {
        let first = self.seen.is_none();
        let before = self.seen.take().unwrap_or_default();
        self.findings(&before.published, &published);
        let config_map = self.config_map.as_ref().and_then(|name| self.look.config_map(name));
        self.config_map(before.config_map.as_deref(), config_map.as_deref());
        let ingresses = if self.sync {
            let quiet = first && published.report.ours.len() > MANY;
            self.ingresses(&before.ingresses, &published, quiet)
        } else {
            HashMap::new()
        };
        self.seen = Some(Seen { published, ingresses, config_map });
    }

    fn findings(&mut self, before: &Published, now: &Published) {
        let before: BTreeSet<&Finding> = before.report.findings.iter().collect();
        for finding in now.report.findings.iter().filter(|finding| !before.contains(finding)) {
            if let Some(record) = Record::finding(finding, &self.look) {
                self.queue(record);
            }
        }
    }

    fn config_map(&mut self, before: Option<&ConfigMap>, now: Option<&ConfigMap>) {
        let Some(now) = now else { return };
        match before {
            Some(before) if before.data == now.data && before.metadata.uid == now.metadata.uid => {}
            Some(before) if before.metadata.uid == now.metadata.uid => {
                self.queue(Record::config_map(now, "UPDATE"));
            }
            _ => self.queue(Record::config_map(now, "CREATE")),
        }
    }

    fn ingresses(
        &mut self,
        before: &HashMap<ObjectName, Arc<Ingress>>,
        published: &Published,
        quiet: bool,
    ) -> HashMap<ObjectName, Arc<Ingress>> {
        let mut ingresses = HashMap::with_capacity(published.report.ours.len());
        for name in &published.report.ours {
            let Some(ingress) = self.look.ingress(name) else { continue };
            if !quiet && before.get(name).is_none_or(|before| differs(before, &ingress)) {
                self.queue(Record::sync(&ingress));
            }
            ingresses.insert(name.clone(), ingress);
        }
        ingresses
    }

    fn queue(&mut self, record: Record) {
        if self.queue.try_send(record).is_ok() {
            return;
        }
        self.dropped += 1;
        if self.dropped == 1 {
            tracing::warn!(
                "events: more than {QUEUE} are waiting; what comes while that is so makes none; the log has all defects"
            );
        }
        tracing::debug!("events: {} were dropped so far", self.dropped);
    }
}

/// True if it is another Ingress, or changed in what is served: status and the like do not count.
fn differs(before: &Arc<Ingress>, now: &Arc<Ingress>) -> bool {
    if Arc::ptr_eq(before, now) {
        return false;
    }
    before.metadata.uid != now.metadata.uid
        || before.spec != now.spec
        || before.metadata.annotations != now.metadata.annotations
}

#[cfg(test)]
mod tests;
