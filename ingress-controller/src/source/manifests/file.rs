//! One file: reading it, and what stays in use of it.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use ingress_core::ObjectRef;

use super::KEPT;
use super::defect::Defect;
use super::document::Format;
use super::entry::Entry;
use super::files::{Fingerprint, Found};
use super::object;
use crate::source::Problem;

/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// What is in use of a file.
#[derive(Debug, Default)]
pub(super) struct File {
    /// As of the last time it was read; `None` makes it be read again.
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) entries: Vec<Entry>,
    pub(super) problem: Option<Problem>,
}

/// What reading a file gave.
pub(super) struct Content {
    is_readable: bool,
    entries: Result<Vec<Entry>, Defect>,
}

/// Reads a file.
pub(super) fn read(path: &Path, format: Format) -> Content {
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
    /// Takes up what it holds now, and gives what it held before if that is something else. Of an object that has not changed the earlier
    /// allocation stays.
    pub(super) fn take(&mut self, path: &Path, found: &Found, content: Content) -> Option<Vec<Entry>> {
        // One that cannot be read is tried again each time: its rights may change without a trace.
        self.fingerprint = content.is_readable.then_some(found.fingerprint);
        match content.entries {
            Ok(entries) => {
                self.problem = None;
                let before = std::mem::replace(&mut self.entries, entries);
                keep(&before, &mut self.entries);
                Some(before)
            }
            Err(defect) => {
                self.problem = Some(self.problem(path, defect));
                None
            }
        }
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

/// Takes over what is the same.
fn keep(before: &[Entry], after: &mut [Entry]) {
    if before.is_empty() {
        return;
    }
    let before: HashMap<&ObjectRef, &Entry> = before.iter().map(|entry| (&entry.reference, entry)).collect();
    for entry in after {
        if let Some(earlier) = before.get(&entry.reference) {
            entry.keep(earlier);
        }
    }
}
