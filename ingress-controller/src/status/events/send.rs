//! Makes events at the API server, one after the other, and counts repeats in the one that is there.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::limit::Limit;
use super::record::Record;
use crate::permission::{explain, forbidden};
use crate::status::said::{Said, backoff};
use crate::status::{US, as_us};

/// Time between two writes: 20 a second.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(30);
/// So often an event is tried.
const ATTEMPTS: u32 = 5;
/// How long nothing is tried in a namespace where it is not allowed.
const FORBIDDEN: Duration = Duration::from_secs(60);
/// So many events are remembered, so that repeats need one request.
const MOST: usize = 4096;

/// Makes events.
pub(super) struct Sender {
    client: Client,
    /// The name of our pod.
    instance: Option<String>,
    /// How often each event happened, by namespace and name.
    counts: HashMap<(String, String), i32>,
    /// Namespaces where it is not allowed, and until when it is not tried there.
    forbidden: HashMap<String, Instant>,
    limit: Limit,
    said: Said,
}

impl Sender {
    pub(super) fn new(client: Client, instance: Option<String>) -> Self {
        let (counts, forbidden) = (HashMap::new(), HashMap::new());
        Self { client, instance, counts, forbidden, limit: Limit::default(), said: Said::default() }
    }

    /// Makes the events that come through `queue`, until it is closed.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Record>) {
        while let Some(record) = queue.recv().await {
            let now = Instant::now();
            self.forbidden.retain(|_, until| *until > now);
            let object = &record.object;
            let key = format!("{:?} {:?} {:?}", object.kind, object.namespace, object.name);
            if !self.forbidden.contains_key(record.namespace()) && self.limit.take(&key) {
                self.send(&record).await;
                sleep(PAUSE).await;
            }
        }
    }

    async fn send(&mut self, record: &Record) {
        const WHAT: &str = "events cannot be made";
        let key = (record.namespace().to_owned(), record.name());
        let known = self.counts.get(&key).copied();
        for attempt in 1..=ATTEMPTS {
            let error = match timeout(LONGEST, self.attempt(record, &key.1, known)).await {
                Ok(Ok(count)) => return self.count(key, count),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.said.trouble(WHAT, "the API server does not answer");
                    continue;
                }
            };
            self.said.trouble(WHAT, &explain(&error));
            if forbidden(&error).is_some() {
                self.forbidden.insert(record.namespace().to_owned(), Instant::now() + FORBIDDEN);
                return;
            }
            // What is refused now is refused again.
            if matches!(&error, kube::Error::Api(status) if status.code < 500 && status.code != 429) {
                return;
            }
            sleep(backoff(attempt, Duration::from_secs(2), Duration::from_secs(30))).await;
        }
    }

    /// Makes an event, or counts one that is there. Gives how often it happened.
    async fn attempt(&self, record: &Record, name: &str, count: Option<i32>) -> kube::Result<i32> {
        let api = Api::<Event>::namespaced(self.client.clone(), record.namespace());
        let count = match count {
            Some(count) => Some(count),
            None => match self.create(&api, record).await {
                // Another replica made it, or we did before we were restarted. It may not be read, but a change shows what it counts.
                Err(kube::Error::Api(status)) if status.is_already_exists() => {
                    patch(&api, name, None).await?
                }
                made => return made,
            },
        };
        let count = count.unwrap_or(1).saturating_add(1);
        match patch(&api, name, Some(count)).await {
            // It has expired.
            Err(kube::Error::Api(status)) if status.is_not_found() => self.create(&api, record).await,
            patched => patched.map(|_| count),
        }
    }

    async fn create(&self, api: &Api<Event>, record: &Record) -> kube::Result<i32> {
        let event = record.event(self.instance.as_deref(), Timestamp::now());
        api.create(&as_us(), &event).await.map(|_| 1)
    }

    fn count(&mut self, key: (String, String), count: i32) {
        if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
            // Forgotten ones cost one more request when they come back.
            self.counts.clear();
        }
        self.counts.insert(key, count);
    }
}

/// Says that it happened now, and gives what the event counts.
async fn patch(api: &Api<Event>, name: &str, count: Option<i32>) -> kube::Result<Option<i32>> {
    let mut change = json!({"lastTimestamp": Time(Timestamp::now())});
    if let (Some(count), Some(change)) = (count, change.as_object_mut()) {
        change.insert("count".into(), count.into());
    }
    Ok(api.patch(name, &PatchParams::apply(US), &Patch::Merge(change)).await?.count)
}
