//! Says when something changed in the folders that matter. What changed is found out by a walk; an event only tells that it is time for one,
//! and which files to read again though they look the same.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::files::Files;

/// Watches folders, each without those in it.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    shared: Arc<Shared>,
    complete: bool,
    warned: bool,
}

#[derive(Debug, Default)]
struct Shared {
    wake: Notify,
    interest: Mutex<Interest>,
}

#[derive(Debug, Default)]
struct Interest {
    folders: HashSet<PathBuf>,
    names: HashSet<PathBuf>,
    events: Events,
}

/// What events told.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The paths that they named; true for one that is whole by the last of them, neither being written nor gone.
    pub(super) paths: HashMap<PathBuf, bool>,
    /// There was more that they did not name.
    pub(super) is_incomplete: bool,
}

impl Watch {
    /// A watch for no folder yet.
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let handler = {
            let shared = shared.clone();
            move |event: notify::Result<Event>| shared.event(event)
        };
        let mut watch =
            Self { watcher: None, watched: HashSet::new(), shared, complete: true, warned: false };
        match notify::recommended_watcher(handler) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn(&format!("cannot watch files: {}", reason(&error))),
        }
        watch
    }

    /// Before a walk. All is seen until a folder cannot be watched.
    pub(super) fn begin(&mut self) {
        self.complete = self.watcher.is_some();
    }

    /// Watches a folder.
    pub(super) fn add(&mut self, folder: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        // Again even if it is watched: it may be another folder of the same name by now.
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                if self.watched.insert(folder.to_owned()) {
                    // Until the walk is over, all of a new folder matters: it is read after this, and may change right after that.
                    self.shared.interest().folders.insert(folder.to_owned());
                }
            }
            Err(error) => {
                self.complete = false;
                let gone = match &error.kind {
                    ErrorKind::PathNotFound => true,
                    ErrorKind::Io(error) => error.kind() == NotFound,
                    _ => false,
                };
                if !gone {
                    self.warn(&format!("cannot watch {}: {}", folder.display(), reason(&error)));
                }
            }
        }
    }

    fn warn(&mut self, message: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            tracing::warn!("{message}; files are looked at every two seconds instead");
        }
    }

    /// After a walk: takes what it met as what matters, and leaves folders that it did not meet.
    pub(super) fn keep(&mut self, files: &Files) {
        if let Some(watcher) = &mut self.watcher {
            for folder in self.watched.extract_if(|folder| !files.watched.contains(folder)) {
                // It fails where the folder is gone, and then there is nothing to leave.
                let _ = watcher.unwatch(&folder);
            }
        }
        let mut interest = self.shared.interest();
        interest.folders = files.walked.keys().cloned().collect();
        interest.names.clone_from(&files.names);
    }

    /// Waits for an event.
    pub(super) async fn changed(&self) {
        loop {
            self.shared.wake.notified().await;
            let interest = self.shared.interest();
            // Not if it was taken before it could wake anybody.
            if interest.events.is_incomplete || !interest.events.paths.is_empty() {
                return;
            }
        }
    }

    /// What events told since the last call.
    pub(super) fn take(&self) -> Events {
        std::mem::take(&mut self.shared.interest().events)
    }

    /// True if all that events told of is whole.
    pub(super) fn is_whole(&self) -> bool {
        let interest = self.shared.interest();
        !interest.events.is_incomplete && interest.events.paths.values().all(|is_whole| *is_whole)
    }

    /// False if changes may go unseen.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Shared {
    fn interest(&self) -> MutexGuard<'_, Interest> {
        self.interest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.miss(),
            // Reading is an event too, our own as well.
            Ok(event) if event.kind.is_access() && !is_end_of_writing(event.kind) => {}
            Ok(event) => {
                let mut interest = self.interest();
                for path in event.paths {
                    if interest.holds(&path) {
                        interest.note(path, event.kind);
                        self.wake.notify_one();
                    }
                }
            }
            Err(error) => {
                tracing::debug!("while files are watched: {error}");
                self.miss();
            }
        }
    }

    fn miss(&self) {
        self.interest().events.is_incomplete = true;
        self.wake.notify_one();
    }
}

impl Interest {
    fn note(&mut self, path: PathBuf, kind: EventKind) {
        let is_whole = match kind {
            EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => true,
            // Rights and times say nothing about the content.
            EventKind::Modify(ModifyKind::Metadata(_)) => {
                self.events.paths.get(&path).copied().unwrap_or(true)
            }
            kind => is_end_of_writing(kind),
        };
        self.events.paths.insert(path, is_whole);
    }

    fn holds(&self, path: &Path) -> bool {
        // With two dots: the parts of a mounted ConfigMap, to which its files are links.
        let mounted = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        mounted
            || self.names.contains(path)
            || self.folders.contains(path)
            || path.parent().is_some_and(|folder| self.folders.contains(folder))
    }
}

fn is_end_of_writing(kind: EventKind) -> bool {
    kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit of watched files is reached (raise fs.inotify.max_user_watches)".into()
        }
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}
