//! What all requests share: the store, the switches, and the signal that wakes the watches.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::access::Access;
use super::faults::Switches;
use super::object::Stored;
use super::record::Record;
use super::store::Store;
use super::webhook::Webhook;
use super::write::Candidate;

/// What watches are woken for. The fields count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) version: u64,
    pub(crate) bookmarks: usize,
    pub(crate) drops: usize,
}

/// The state of the server.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Mutex<Store>,
    pub(crate) signal: watch::Sender<Signal>,
    pub(crate) switches: Switches,
    pub(crate) access: Access,
    pub(crate) record: Record,
    pub(crate) webhooks: Mutex<Vec<Webhook>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            store: Mutex::new(Store::new()),
            signal: watch::Sender::new(Signal::default()),
            switches: Switches::new(),
            access: Access::default(),
            record: Record::new(),
            webhooks: Mutex::default(),
        }
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.store.lock().unwrap())
    }

    /// Changes the store and wakes the watches.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap();
        let result = change(&mut store);
        let version = store.version();
        drop(store);
        self.signal.send_modify(|signal| signal.version = signal.version.max(version));
        result
    }

    /// Stores what was prepared, unless somebody else was faster: then nothing is stored and the candidate is stale.
    /// Gives what is there now, or what was there if it is deleted.
    pub(crate) fn commit(&self, candidate: Candidate) -> Result<Option<Arc<Stored>>, Stale> {
        let Candidate { kind, key, old, new } = candidate;
        self.change(|store| {
            let current = store.get(kind, &key).map(|stored| stored.version);
            if current != old.as_ref().map(|stored| stored.version) {
                return Err(Stale);
            }
            Ok(store.write(kind, key, new).or(old))
        })
    }
}

/// The object changed between preparing and storing.
#[derive(Debug)]
pub(crate) struct Stale;
