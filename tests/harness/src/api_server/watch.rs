//! A watch: lines of JSON from an exact version on, until its time is up, its history is gone or somebody cuts it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::kinds::Kind;
use super::object::Stored;
use super::record::WatchGuard;
use super::select::Selection;
use super::shared::{Shared, Signal};
use super::status::Failure;
use super::store::Change;

/// Real servers send a bookmark about once a minute.
const BOOKMARK: Duration = Duration::from_secs(60);
/// Lines are joined up to about this many bytes.
const CHUNK: usize = 64 * 1024;

/// What the client asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) kind: &'static Kind,
    pub(crate) selection: Selection,
    /// The version after which changes are told; None for the state of now as additions and then the changes.
    pub(crate) version: Option<u64>,
    /// With `sendInitialEvents`, a bookmark marks the end of the state of now.
    pub(crate) initial_events: bool,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Duration,
}

/// A running watch.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    asked: Asked,
    /// All changes up to this version are in `lines` or sent.
    at: u64,
    lines: VecDeque<Vec<u8>>,
    signal: watch::Receiver<Signal>,
    seen: Signal,
    deadline: Instant,
    ended: bool,
    _guard: WatchGuard,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, asked: Asked, guard: WatchGuard) -> Self {
        let mut signal = shared.signal.subscribe();
        let seen = *signal.borrow_and_update();
        let deadline = Instant::now() + asked.timeout;
        let at = asked.version.unwrap_or_default();
        let mut watch = Self {
            shared,
            asked,
            at,
            lines: VecDeque::new(),
            signal,
            seen,
            deadline,
            ended: false,
            _guard: guard,
        };
        if watch.asked.version.is_none() {
            watch.tell_state();
        }
        watch
    }

    /// The next bytes; None at the orderly end, an error when the connection is to be cut.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            self.shared.switches.hung().await;
            if let Some(chunk) = self.chunk() {
                return Some(Ok(chunk));
            }
            if self.ended {
                return None;
            }
            let signal = *self.signal.borrow_and_update();
            if signal.drops != self.seen.drops {
                self.ended = true;
                return Some(Err(io::Error::other("the watch is cut")));
            }
            self.tell_changes();
            if signal.bookmarks != self.seen.bookmarks {
                self.bookmark(json!({}));
            }
            self.seen = signal;
            if !self.lines.is_empty() || self.ended {
                continue;
            }
            tokio::select! {
                changed = self.signal.changed() => self.ended = changed.is_err(),
                () = sleep(BOOKMARK) => self.bookmark(json!({})),
                () = sleep_until(self.deadline) => {
                    self.bookmark(json!({}));
                    self.ended = true;
                }
            }
        }
    }

    fn chunk(&mut self) -> Option<Bytes> {
        let mut chunk = self.lines.pop_front()?;
        while chunk.len() < CHUNK
            && let Some(line) = self.lines.pop_front()
        {
            chunk.extend_from_slice(&line);
        }
        Some(chunk.into())
    }

    fn tell_state(&mut self) {
        let shared = self.shared.clone();
        let objects: Vec<Arc<Stored>> = shared.read(|store| {
            self.at = store.version();
            store.all(self.asked.kind).cloned().collect()
        });
        for object in objects.iter().filter(|object| self.asked.selection.matches(object)) {
            self.lines.push_back(line("ADDED", object));
        }
        if self.asked.initial_events {
            self.bookmark(json!({ "k8s.io/initial-events-end": "true" }));
        }
    }

    fn tell_changes(&mut self) {
        let shared = self.shared.clone();
        let changes = shared.read(|store| (store.since(self.asked.kind, self.at), store.version()));
        match changes {
            (Ok(changes), version) => {
                self.lines.extend(changes.iter().filter_map(|change| event(&self.asked.selection, change)));
                self.at = self.at.max(version);
            }
            (Err(failure), _) => self.fail(&failure),
        }
    }

    /// The error of a watch: inside the stream, whose status is long told.
    fn fail(&mut self, failure: &Failure) {
        let line = json!({ "type": "ERROR", "object": failure.status() });
        self.lines.push_back(format!("{line}\n").into_bytes());
        self.ended = true;
    }

    fn bookmark(&mut self, annotations: Value) {
        if !self.asked.bookmarks {
            return;
        }
        let kind = self.asked.kind;
        let mut metadata = json!({ "resourceVersion": self.at.to_string(), "creationTimestamp": null });
        if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let object = json!({ "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata });
        let line = json!({ "type": "BOOKMARK", "object": object });
        self.lines.push_back(format!("{line}\n").into_bytes());
    }
}

/// The line for a change as this selection sees it: entering it is an addition, leaving it a deletion.
fn event(selection: &Selection, change: &Change) -> Option<Vec<u8>> {
    let before = change.before.as_ref().filter(|object| selection.matches(object));
    let after = change.after.as_ref().filter(|object| selection.matches(object));
    match (before, after) {
        (None, Some(after)) => Some(line("ADDED", after)),
        (Some(_), Some(after)) => Some(line("MODIFIED", after)),
        (Some(before), None) => Some(line("DELETED", &before.at(change.version))),
        (None, None) => None,
    }
}

fn line(event: &str, object: &Stored) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{event}\",\"object\":").into_bytes();
    object.write(&mut line);
    line.extend_from_slice(b"}\n");
    line
}
