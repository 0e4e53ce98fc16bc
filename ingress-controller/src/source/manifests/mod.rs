//! Objects from files: YAML and JSON, in files and folders that are watched.
//!
//! Each file keeps its last good content: one that is broken, half written or not readable changes nothing and is a [`Problem`] until it is
//! good again. One that is emptied or deleted takes its objects with it.

mod defect;
mod document;
mod entry;
mod file;
mod files;
mod kind;
mod locate;
mod object;
mod parallel;
mod sound;
mod strict;
mod tree;
mod watch;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingress_core::{Finding, ObjectRef, Objects, Severity};

use super::{Loaded, Pace, Problem, Source, Touched};
use file::{Content, File, read};
use files::{Files, Found};
use watch::{Events, Watch};

/// Files that were written to the end, or put where they are as a whole.
const SOON: Pace = Pace { quiet: Duration::from_millis(5), most: Duration::from_millis(500) };

/// Any other change: editors write a file in several steps, between which it may be half there, or not at all.
const LATER: Pace = Pace { quiet: Duration::from_millis(50), ..SOON };

/// How often files are looked at where they cannot be watched.
const POLL: Duration = Duration::from_secs(2);

/// Files that are longer are read one at a time, in bytes.
const LARGE: u64 = 1 << 20;

const KEPT: &str = "its last good content stays in use";

/// The objects in some files and folders.
#[derive(Debug)]
pub(crate) struct Manifests {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, File>,
    objects: Objects,
    unreadable: BTreeMap<PathBuf, Problem>,
    gone: Vec<Problem>,
    /// The folders that were walked, by what events call them.
    folders: HashMap<PathBuf, PathBuf>,
    /// What events call the roots, and what links lead to.
    names: HashSet<PathBuf>,
    watch: Watch,
    /// An event said that something is new.
    is_told: bool,
}

impl Manifests {
    /// The objects in `roots`. Nothing is read yet.
    pub(crate) fn new(roots: &[PathBuf]) -> Self {
        Self {
            roots: roots.to_vec(),
            files: BTreeMap::new(),
            objects: Objects::default(),
            unreadable: BTreeMap::new(),
            gone: Vec::new(),
            folders: HashMap::new(),
            names: HashSet::new(),
            watch: Watch::new(),
            is_told: false,
        }
    }

    /// How many files there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.files.len()
    }

    fn refresh(&mut self) {
        // Before the walk: what is touched from here on is an event of its own.
        let events = self.watch.take();
        let is_told = std::mem::take(&mut self.is_told);
        match is_told.then(|| self.only(&events)).flatten() {
            Some(found) => {
                let found: Vec<_> = found.iter().map(|(path, found)| (path, found)).collect();
                if self.read(&found) {
                    self.collect();
                }
            }
            None => self.walk(&events),
        }
    }

    /// The files that events name, if nothing else has to be looked at: no folder came or went, no file is gone, no link is among them.
    fn only(&self, events: &Events) -> Option<Vec<(PathBuf, Found)>> {
        let is_sound = self.watches_all() && self.unreadable.is_empty() && self.gone.is_empty();
        if !is_sound || events.is_incomplete || events.paths.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        for name in events.paths.keys() {
            // What a link leads to is known by the name of the link.
            if self.names.contains(name) {
                return None;
            }
            let path = self.folders.get(name.parent()?)?.join(name.file_name()?);
            match files::look(name) {
                files::Look::Nothing if self.files.contains_key(&path) || self.folders.contains_key(name) => {
                    return None;
                }
                files::Look::Nothing => {}
                files::Look::File(file) => found.push((path, file)),
                files::Look::Other => return None,
            }
        }
        Some(found)
    }

    fn walk(&mut self, events: &Events) {
        self.watch.begin();
        let walked = files::walk(&self.roots, &mut |folder| self.watch.add(folder));
        self.watch.keep(&walked);
        let is_same = |path: &PathBuf, found: &Found| {
            let is_touched = found.names.iter().flatten().any(|name| events.paths.contains_key(name));
            let file = self.files.get(path);
            !is_touched && file.is_some_and(|file| file.fingerprint == Some(found.fingerprint))
        };
        let new: Vec<_> = walked.found.iter().filter(|(path, found)| !is_same(path, found)).collect();
        self.read(&new);
        self.files.retain(|path, _| walked.found.contains_key(path) || is_hidden_from_us(path, &walked));
        self.unreadable = walked.unreadable;
        self.gone = walked.gone;
        self.folders = walked.walked;
        self.names = walked.names;
        self.collect();
    }

    /// Reads files. True if there are other objects than before, and not only others of the same names.
    fn read(&mut self, found: &[(&PathBuf, &Found)]) -> bool {
        // Large ones one after the other: their documents are read in parallel.
        let (large, small): (Vec<_>, Vec<_>) =
            found.iter().partition(|(_, found)| found.fingerprint.length() > LARGE);
        let mut has_others = false;
        for (path, found) in large {
            has_others |= self.take(path, found, read(path, found.format));
        }
        let contents = parallel::each(&small, |(path, found)| read(path, found.format));
        for ((path, found), content) in small.into_iter().zip(contents) {
            has_others |= self.take(path, found, content);
        }
        has_others
    }

    fn take(&mut self, path: &Path, found: &Found, content: Content) -> bool {
        let file = self.files.entry(path.to_owned()).or_default();
        let before = file.take(path, found, content);
        before.is_some_and(|before| !entry::replace(&before, &file.entries, &mut self.objects))
    }

    /// Brings the lists to what is in the files; of two objects of the same name, that of the first file counts.
    fn collect(&mut self) {
        let mut first: HashMap<&ObjectRef, &Path> = HashMap::new();
        let mut entries = Vec::new();
        let findings = &mut self.objects.findings;
        findings.clear();
        for (path, file) in &self.files {
            for entry in &file.entries {
                match first.get(&entry.reference) {
                    Some(kept) => findings.push(twice(&entry.reference, kept, path)),
                    None => {
                        first.insert(&entry.reference, path);
                        findings.extend(entry.findings.iter().cloned());
                        entries.push(entry);
                    }
                }
            }
        }
        entry::collect(&entries, &mut self.objects);
    }

    /// True if each change is an event.
    fn watches_all(&self) -> bool {
        self.watch.is_complete() && self.files.values().all(|file| file.fingerprint.is_some())
    }

    /// How what events tell is to be taken up.
    fn pace(&self) -> Pace {
        if self.watch.is_whole() { SOON } else { LATER }
    }

    fn differs(&self) -> bool {
        let walked = files::walk(&self.roots, &mut |_| {});
        walked.unreadable != self.unreadable
            || walked.gone != self.gone
            || !walked.found.iter().all(|(path, found)| {
                self.files.get(path).is_some_and(|file| match file.fingerprint {
                    Some(fingerprint) => fingerprint == found.fingerprint,
                    None => std::fs::File::open(path).is_err(),
                })
            })
            || !self
                .files
                .keys()
                .all(|path| walked.found.contains_key(path) || is_hidden_from_us(path, &walked))
    }
}

impl Source for Manifests {
    async fn changed(&mut self) -> Pace {
        if self.watches_all() {
            self.watch.changed().await;
            self.is_told = true;
            return self.pace();
        }
        loop {
            tokio::select! {
                () = self.watch.changed() => return self.pace(),
                () = tokio::time::sleep(POLL) => {
                    if self.differs() {
                        return LATER;
                    }
                }
            }
        }
    }

    fn load(&mut self) -> Loaded {
        self.refresh();
        let of_files = self.files.values().filter_map(|file| file.problem.as_ref());
        let mut problems: Vec<_> =
            self.unreadable.values().chain(&self.gone).chain(of_files).cloned().collect();
        problems.sort();
        Loaded { touched: Touched::All, problems }
    }

    fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }
}

/// True for a file that may be there still, in a folder that cannot be read now.
fn is_hidden_from_us(path: &Path, walked: &Files) -> bool {
    walked.unreadable.keys().any(|unreadable| path.starts_with(unreadable))
}

fn twice(object: &ObjectRef, kept: &Path, refused: &Path) -> Finding {
    let message = if kept == refused {
        format!("stands twice in {}; only the first one is used", kept.display())
    } else {
        format!("stands in {} and in {}; only the first one is used", kept.display(), refused.display())
    };
    Finding::new(Severity::Error, "DuplicateObject", object.clone(), "", message, "remove one of them")
}

#[cfg(test)]
mod tests;
