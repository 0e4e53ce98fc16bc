//! Keeps `status.loadBalancer.ingress` of our Ingresses at our addresses, as long as we lead.
//!
//! What is written is decided by comparing with what the source holds; a write reads the object again. Each Ingress has its own waits:
//! after a failure, and after somebody else has written over what we wrote.

mod entry;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use ingress_core::ObjectName;
use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use self::entry::Entry;
use self::write::{Outcome, Task};
use super::addresses::Known;
use super::look::Look;
use super::replicas;
use super::said::{Said, backoff};
use crate::config::{Pod, StatusConfig};
use crate::control::Published;

/// So many statuses are written at a time.
const PARALLEL: usize = 10;
/// Longer than this no write takes.
const LONGEST: Duration = Duration::from_secs(30);
/// All Ingresses are looked at no more often than this.
const SCAN: Duration = Duration::from_secs(1);
/// So long emptying at the end may take.
const END: Duration = Duration::from_secs(20);

/// What the writer follows.
#[derive(Debug, Clone)]
pub(super) struct Inputs {
    pub(super) published: watch::Receiver<Arc<Published>>,
    pub(super) addresses: watch::Receiver<Known>,
    pub(super) leads: watch::Receiver<bool>,
    /// Closed when all is to end.
    pub(super) stop: watch::Receiver<()>,
}

/// Writes status.
pub(super) struct Writer<L> {
    client: Client,
    look: L,
    config: StatusConfig,
    pod: Option<Pod>,
    inputs: Inputs,
    /// What `entries` were brought to.
    seen: Arc<Published>,
    entries: BTreeMap<ObjectName, Entry>,
    /// What is to be done, and when.
    queue: BTreeSet<(Instant, ObjectName)>,
    running: FuturesUnordered<BoxFuture<'static, (ObjectName, Task, Outcome)>>,
    /// When all Ingresses are looked at next.
    scan: Instant,
    scanned: Option<Instant>,
    /// How many writes failed in a row for a reason that is not in the Ingress, and how long nothing is tried therefore.
    failures: u32,
    resume: Instant,
    said: Said,
}

impl<L: Look> Writer<L> {
    pub(super) fn new(
        client: Client,
        look: L,
        config: StatusConfig,
        pod: Option<Pod>,
        inputs: Inputs,
    ) -> Self {
        let now = Instant::now();
        Self {
            client,
            look,
            config,
            pod,
            inputs,
            seen: Arc::default(),
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            running: FuturesUnordered::new(),
            scan: now,
            scanned: None,
            failures: 0,
            resume: now,
            said: Said::default(),
        }
    }

    /// Writes until told to stop, and empties then what is to be emptied.
    pub(super) async fn run(mut self) {
        self.led();
        loop {
            self.start_due();
            let wake = self.wake();
            let Inputs { published, addresses, leads, stop } = &mut self.inputs;
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                Ok(()) = leads.changed() => self.led(),
                Ok(()) = addresses.changed() => self.moved(),
                Ok(()) = published.changed() => self.published(),
                Some((name, task, outcome)) = self.running.next() => self.finished(&name, task, outcome),
                () = sleep_until(wake) => {
                    if self.scan <= Instant::now() {
                        self.scan();
                    }
                }
            }
        }
        self.running.clear();
        if timeout(END, self.clear()).await.is_err() {
            tracing::warn!("status of Ingresses: emptying took longer than {END:?} and was given up");
        }
    }

    fn writes(&self) -> bool {
        *self.inputs.leads.borrow()
    }

    /// Another leads, or we do. What was begun is dropped: it is not ours to write any longer.
    fn led(&mut self) {
        self.seen = Arc::default();
        self.entries.clear();
        self.queue.clear();
        self.running.clear();
        self.published();
        self.scan();
    }

    fn moved(&mut self) {
        for entry in self.entries.values_mut() {
            entry.calm();
        }
        self.scan();
    }

    /// Follows which Ingresses are ours.
    fn published(&mut self) {
        if !self.writes() {
            return;
        }
        self.scan = self.scan.min(self.scanned.map_or_else(Instant::now, |scanned| scanned + SCAN));
        let published = self.inputs.published.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.seen, published.clone());
        // As with every change of endpoints.
        if before.report.ours == published.report.ours {
            return;
        }
        let ours: BTreeSet<&ObjectName> = published.report.ours.iter().collect();
        let gone = self.entries.iter().filter(|(name, entry)| entry.ours && !ours.contains(name));
        let gone: Vec<_> = gone.map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.drop_entry(&name);
        }
        for name in ours {
            let entry = self.entries.entry(name.clone()).or_default();
            let new = !entry.ours;
            entry.ours = true;
            if new {
                self.look_at(name);
            }
        }
    }

    /// An Ingress is not ours any longer: our addresses leave its status, unless it is gone or was never written.
    fn drop_entry(&mut self, name: &ObjectName) {
        let exists = self.look.ingress(name).is_some();
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.ours = false;
        if entry.running {
            return;
        }
        if exists && entry.wrote.is_some() {
            self.plan(name, Instant::now());
        } else if let Some(due) = self.entries.remove(name).and_then(|entry| entry.due) {
            self.queue.remove(&(due, name.clone()));
        }
    }

    /// Looks at all of them.
    fn scan(&mut self) {
        let now = Instant::now();
        (self.scanned, self.scan) = (Some(now), now + self.config.interval);
        let names: Vec<_> = self.entries.keys().cloned().collect();
        for name in names {
            self.look_at(&name);
        }
    }

    /// Plans a write if the status is not what it should be.
    fn look_at(&mut self, name: &ObjectName) {
        let addresses = self.inputs.addresses.borrow().clone();
        let (Some(wanted), Some(ingress)) = (addresses, self.look.ingress(name)) else { return };
        let Some(entry) = self.entries.get_mut(name) else { return };
        let same = write::addresses(&ingress) == wanted;
        match &entry.wrote {
            _ if !entry.ours => {}
            Some(wrote) if same && *wrote == wanted => {}
            // An earlier leader wrote it.
            None if same => entry.wrote = Some(wanted),
            _ => {
                let at = entry.not_before().unwrap_or_else(Instant::now);
                self.plan(name, at);
            }
        }
    }

    fn plan(&mut self, name: &ObjectName, at: Instant) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if entry.running || entry.due.is_some_and(|due| due <= at) {
            return;
        }
        if let Some(due) = entry.due.replace(at) {
            self.queue.remove(&(due, name.clone()));
        }
        self.queue.insert((at, name.clone()));
    }

    /// Begins what is due, as far as it may.
    fn start_due(&mut self) {
        let now = Instant::now();
        let most = if self.failures == 0 { PARALLEL } else { 1 };
        while self.writes() && self.resume <= now && self.running.len() < most {
            match self.queue.first() {
                Some((at, _)) if *at <= now => {}
                _ => return,
            }
            let Some((_, name)) = self.queue.pop_first() else { return };
            self.start(name);
        }
    }

    fn start(&mut self, name: ObjectName) {
        let wanted = self.inputs.addresses.borrow().clone();
        let Some(entry) = self.entries.get_mut(&name) else { return };
        entry.due = None;
        let task = match (entry.ours, wanted, entry.wrote.clone()) {
            (true, Some(wanted), _) => Task::Write(wanted),
            (false, _, Some(wrote)) => Task::Remove(wrote),
            _ => return,
        };
        entry.running = true;
        let (client, known) = (self.client.clone(), self.look.ingress(&name));
        self.running.push(Box::pin(async move {
            let write = write::write(client, name.clone(), known.as_deref(), &task);
            let outcome = timeout(LONGEST, write).await.unwrap_or_else(|_| Outcome::Failed {
                why: "the API server does not answer".into(),
                all: true,
            });
            (name, task, outcome)
        }));
    }

    fn finished(&mut self, name: &ObjectName, task: Task, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.running = false;
        if let Outcome::Failed { why, all } = outcome {
            entry.failures += 1;
            let again = Instant::now() + backoff(entry.failures, SCAN, Duration::from_secs(60));
            self.said.trouble(&format!("status of ingress {name} cannot be written"), &why);
            if all {
                self.failures += 1;
                self.resume = Instant::now() + backoff(self.failures, SCAN, Duration::from_secs(30));
            }
            return self.plan(name, again);
        }
        self.failures = 0;
        entry.failures = 0;
        match (task, outcome) {
            (Task::Write(addresses), Outcome::Written) => {
                if entry.wrote(addresses) {
                    self.said.trouble(
                        &format!("status of ingress {name}"),
                        "somebody writes over it again and again, perhaps another controller for the same class; it is written less \
                         often now; give one of the two its own class, or --update-status=false",
                    );
                }
            }
            (Task::Write(addresses), Outcome::Same) => entry.wrote = Some(addresses),
            // What is known will follow, and is looked at then.
            (Task::Write(_), _) => self.scan = self.scan.min(Instant::now() + SCAN),
            (Task::Remove(_), _) if entry.ours => {}
            (Task::Remove(_), _) => drop(self.entries.remove(name)),
        }
        match self.entries.get(name) {
            Some(entry) if entry.ours => self.look_at_later(name),
            Some(_) => self.drop_entry(name),
            None => {}
        }
    }

    /// What was asked for while a write ran is not lost; the source needs a moment to see that write.
    fn look_at_later(&mut self, name: &ObjectName) {
        let wanted = self.inputs.addresses.borrow().clone();
        if self.entries.get(name).is_some_and(|entry| entry.wrote.is_some() && entry.wrote != wanted) {
            self.plan(name, Instant::now());
        }
    }

    /// When there is something to do next, whatever happens.
    fn wake(&self) -> Instant {
        let most = if self.failures == 0 { PARALLEL } else { 1 };
        match self.queue.first() {
            Some((due, _)) if self.writes() && self.running.len() < most => {
                self.scan.min((*due).max(self.resume))
            }
            _ => self.scan,
        }
    }

    /// Empties the status of our Ingresses if we are the last one.
    async fn clear(&mut self) {
        let addresses = self.inputs.addresses.borrow().clone().unwrap_or_default();
        if !self.writes() || !self.config.update_on_shutdown || addresses.is_empty() {
            return;
        }
        let Some(pod) = &self.pod else { return };
        let stays = |why: &str| tracing::info!("status of Ingresses stays as it is: {why}");
        if addresses.len() > 1 {
            return stays("there are several addresses");
        }
        match replicas::others(&self.client, pod).await {
            Ok(false) => {}
            Ok(true) => return stays("there are other replicas"),
            Err(why) => return stays(&format!("whether there are other replicas is not known: {why}")),
        }
        let task = Task::Remove(addresses);
        let entries: Vec<_> = std::mem::take(&mut self.entries).into_keys().collect();
        let writes = entries.into_iter().map(|name| {
            let (client, known, task) = (self.client.clone(), self.look.ingress(&name), task.clone());
            async move { write::write(client, name, known.as_deref(), &task).await }
        });
        let writes: Vec<_> = writes.collect();
        let outcomes: Vec<_> = stream::iter(writes).buffer_unordered(PARALLEL).collect().await;
        let count = |outcome: &Outcome| outcomes.iter().filter(|other| *other == outcome).count();
        match count(&Outcome::Written) {
            0 => {}
            some => tracing::info!("status of {some} Ingresses was emptied: nobody serves them any longer"),
        }
        if let Some(Outcome::Failed { why, .. }) =
            outcomes.iter().find(|outcome| matches!(outcome, Outcome::Failed { .. }))
        {
            tracing::warn!("status of Ingresses: not all could be emptied: {why}");
        }
    }
}

#[cfg(test)]
mod tests;
