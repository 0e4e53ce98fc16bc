//! What the server was asked: counts of requests, and every write it accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::shared::Shared;

/// A write that was accepted from a client, even if it changed nothing.
#[derive(Debug, Clone)]
pub struct WriteRecord {
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// As RBAC names it, as in `ingresses` or `ingresses/status`.
    pub resource: String,
    /// Empty for kinds of the cluster.
    pub namespace: String,
    /// The object's name; empty for a whole collection.
    pub name: String,
    /// The bearer token; empty without.
    pub user: String,
    /// True if something changed by it.
    pub changed: bool,
    object: Bytes,
}

impl WriteRecord {
    pub(crate) fn new(verb: &'static str, resource: String, user: &str) -> Self {
        let (namespace, name, user) = (String::new(), String::new(), user.to_owned());
        Self { verb, resource, namespace, name, user, changed: true, object: Bytes::new() }
    }

    /// Adds what the object is like after the write; before it, for a deletion.
    pub(crate) fn object(mut self, namespace: &str, name: &str, object: Vec<u8>) -> Self {
        self.namespace = namespace.to_owned();
        self.name = name.to_owned();
        self.object = object.into();
        self
    }

    /// The object after the write; as it was, for a deletion; null for a whole collection.
    pub fn object_value(&self) -> Value {
        serde_json::from_slice(&self.object).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Seen {
    requests: BTreeMap<(&'static str, String), usize>,
    watching: BTreeMap<&'static str, usize>,
    writes: Vec<WriteRecord>,
}

/// The record.
#[derive(Debug)]
pub(crate) struct Record {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self { seen: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
        self.changed.send_replace(());
    }

    pub(crate) fn request(&self, verb: &'static str, resource: String) {
        self.change(|seen| *seen.requests.entry((verb, resource)).or_default() += 1);
    }

    pub(crate) fn write(&self, write: WriteRecord) {
        self.change(|seen| seen.writes.push(write));
    }

    pub(crate) fn requests(&self, verb: &str, resource: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        let of = |(found, name): &(&str, String)| {
            (verb == "*" || *found == verb) && (resource == "*" || name == resource)
        };
        seen.requests.iter().filter(|(key, _)| of(key)).map(|(_, count)| count).sum()
    }

    pub(crate) fn watching(&self, plural: &str) -> usize {
        self.seen.lock().unwrap().watching.get(plural).copied().unwrap_or(0)
    }

    pub(crate) fn writes(&self) -> Vec<WriteRecord> {
        self.seen.lock().unwrap().writes.clone()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn clear(&self) {
        self.change(|seen| {
            seen.requests.clear();
            seen.writes.clear();
        });
    }
}

/// Counts a watch for as long as it lives.
#[derive(Debug)]
pub(crate) struct WatchGuard {
    shared: Arc<Shared>,
    plural: &'static str,
}

impl WatchGuard {
    pub(crate) fn new(shared: Arc<Shared>, plural: &'static str) -> Self {
        shared.record.change(|seen| *seen.watching.entry(plural).or_default() += 1);
        Self { shared, plural }
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.shared.record.change(|seen| {
            if let Some(count) = seen.watching.get_mut(self.plural) {
                *count = count.saturating_sub(1);
            }
        });
    }
}
