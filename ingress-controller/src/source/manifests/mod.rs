//! Objects from files: YAML and JSON, in files and folders that are watched.
//!
//! Each file keeps its last good content: one that is broken, half written or not readable changes nothing and is a [`Problem`] until it is
//! good again. One that is emptied or deleted takes its objects with it.

mod defect;
mod document;
mod files;
mod kind;
mod locate;
mod object;
mod parallel;
mod sound;
mod strict;
mod tree;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingress_core::{Finding, ObjectRef, Objects, Severity};

use super::{Loaded, Pace, Problem, Source, Touched};
use defect::Defect;
use document::Format;
use files::{Files, Fingerprint, Found};
use object::Entry;
use watch::Watch;

/// Editors write a file in several steps, and people several files.
const PACE: Pace = Pace { quiet: Duration::from_millis(50), most: Duration::from_millis(500) };

/// How often files are looked at where they cannot be watched.
const POLL: Duration = Duration::from_secs(2);

/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// Files that are longer are read one at a time, in bytes.
const LARGE: u64 = 1 << 20;

const KEPT: &str = "its last good content stays in use";

/// The objects in some files and folders.
#[derive(Debug)]
pub(crate) struct Manifests {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, File>,
    unreadable: BTreeMap<PathBuf, Problem>,
    gone: Vec<Problem>,
    watch: Watch,
}

#[derive(Debug, Default)]
struct File {
    /// As of the last time it was read; `None` makes it be read again.
    fingerprint: Option<Fingerprint>,
    entries: Vec<Entry>,
    problem: Option<Problem>,
}

impl Manifests {
    /// The objects in `roots`. Nothing is read yet.
    pub(crate) fn new(roots: &[PathBuf]) -> Self {
        Self {
            roots: roots.to_vec(),
            files: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            gone: Vec::new(),
            watch: Watch::new(),
        }
    }

    /// How many files there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.files.len()
    }

    fn refresh(&mut self) {
        // Before the walk: what is touched from here on is an event of its own.
        let touched = self.watch.take();
        self.watch.begin();
        let walked = files::walk(&self.roots, &mut |folder| self.watch.add(folder));
        self.watch.keep(&walked);
        let is_same = |path: &PathBuf, found: &Found| {
            let is_touched = found.names.iter().flatten().any(|name| touched.contains(name));
            let file = self.files.get(path);
            !is_touched && file.is_some_and(|file| file.fingerprint == Some(found.fingerprint))
        };
        let new: Vec<_> = walked.found.iter().filter(|(path, found)| !is_same(path, found)).collect();
        // Large ones one after the other: their documents are read in parallel.
        let (large, small): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|(_, found)| found.fingerprint.length() > LARGE);
        for (path, found) in large {
            self.files.entry(path.clone()).or_default().take(path, found, read(path, found.format));
        }
        let contents = parallel::each(&small, |(path, found)| read(path, found.format));
        for ((path, found), content) in small.into_iter().zip(contents) {
            self.files.entry(path.clone()).or_default().take(path, found, content);
        }
        self.files.retain(|path, _| walked.found.contains_key(path) || is_hidden_from_us(path, &walked));
        self.unreadable = walked.unreadable;
        self.gone = walked.gone;
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

    /// All objects; of two of the same name, that of the first file.
    fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        let mut first: HashMap<&ObjectRef, &Path> = HashMap::new();
        for (path, file) in &self.files {
            for entry in &file.entries {
                match first.get(&entry.reference) {
                    Some(kept) => objects.findings.push(twice(&entry.reference, kept, path)),
                    None => {
                        first.insert(&entry.reference, path);
                        entry.add_to(&mut objects);
                    }
                }
            }
        }
        objects
    }
}

impl Source for Manifests {
    async fn changed(&mut self) -> Pace {
        if self.watch.is_complete() && self.files.values().all(|file| file.fingerprint.is_some()) {
            self.watch.changed().await;
            return PACE;
        }
        loop {
            tokio::select! {
                () = self.watch.changed() => return PACE,
                () = tokio::time::sleep(POLL) => {
                    if self.differs() {
                        return PACE;
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
        Loaded { objects: self.objects(), touched: Touched::All, problems }
    }
}

/// What reading a file gave.
struct Content {
    is_readable: bool,
    entries: Result<Vec<Entry>, Defect>,
}

fn read(path: &Path, format: Format) -> Content {
    let bytes = bytes(path);
    let is_readable = bytes.is_ok();
    let entries = bytes
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(text)
        .map_err(Defect::of_file)
        .and_then(|text| object::entries(&text, format));
    Content { is_readable, entries }
}

impl File {
    fn take(&mut self, path: &Path, found: &Found, content: Content) {
        // One that cannot be read is tried again each time: its rights may change without a trace.
        self.fingerprint = content.is_readable.then_some(found.fingerprint);
        self.problem = match content.entries {
            Ok(entries) => {
                self.entries = entries;
                None
            }
            Err(defect) => Some(self.problem(path, defect)),
        };
    }

    fn problem(&self, path: &Path, defect: Defect) -> Problem {
        let remedy = match self.entries.len() {
            0 => "nothing of this file is in use until it is corrected".into(),
            _ => KEPT.to_owned(),
        };
        let Defect { line, column, field, message } = defect;
        Problem { line, column, field, ..Problem::new(path.display().to_string(), message, remedy) }
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(format!("is larger than {} MiB, which is the most that is read", MOST_BYTES >> 20));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        format!("is no UTF-8 text: see line {}", good.filter(|byte| **byte == b'\n').count() + 1)
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
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
