//! Which files there are. Folders are walked; what a file holds is not looked at.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::document::Format;
use crate::source::Problem;

/// What changes when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// One file as a walk found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) fingerprint: Fingerprint,
    pub(super) format: Format,
    /// What events call it: its name in the folder, with the links on the way to the folder followed, and where a link leads.
    pub(super) names: [Option<PathBuf>; 2],
}

/// All files of one moment.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) found: BTreeMap<PathBuf, Found>,
    /// Files and folders that are there and could not be looked at, each with the problem.
    pub(super) unreadable: BTreeMap<PathBuf, Problem>,
    /// Roots that are not there.
    pub(super) gone: Vec<Problem>,
    /// The folders that were passed to `watch`, without links in their paths.
    pub(super) watched: HashSet<PathBuf>,
    /// Those in which every name matters, each with the path that led there.
    pub(super) walked: HashMap<PathBuf, PathBuf>,
    /// What matters of the others.
    pub(super) names: HashSet<PathBuf>,
}

/// Walks from the roots. `watch` is called for each folder before it is read, so that no change falls between.
pub(super) fn walk(roots: &[PathBuf], watch: &mut dyn FnMut(&Path)) -> Files {
    let mut walk = Walk { files: Files::default(), seen: HashSet::new(), watch };
    for root in roots {
        walk.root(root);
    }
    walk.files
}

struct Walk<'w> {
    files: Files,
    /// The files and folders that were met, whatever the name they were reached by: links may go in circles.
    seen: HashSet<(u64, u64)>,
    watch: &'w mut dyn FnMut(&Path),
}

impl Walk<'_> {
    fn root(&mut self, root: &Path) {
        // The folder around it as well, since the root itself may be replaced.
        let name = without_links(root);
        if let Some(around) = name.as_deref().and_then(Path::parent) {
            self.watch(around);
        }
        self.files.names.extend(name.clone());
        match std::fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => self.folder(root, &metadata),
            Ok(metadata) if metadata.is_file() => {
                let json = root.extension() == Some(OsStr::new("json"));
                self.file(root, name, true, &metadata, if json { Format::Json } else { Format::Yaml });
            }
            Ok(_) => self.unreadable(root, "is neither a file nor a folder", "pass a file or a folder"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let remedy = "its objects are not served until it is back";
                self.files.gone.push(problem(root, "is not there any more", remedy));
            }
            Err(error) => self.failed(root, &error),
        }
    }

    fn folder(&mut self, folder: &Path, metadata: &Metadata) {
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        let entries = folder.canonicalize().and_then(|canonical| {
            self.watch(&canonical);
            self.files.walked.insert(canonical.clone(), folder.to_owned());
            let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(DirEntry::file_name);
            Ok((canonical, entries))
        });
        match entries {
            Ok((canonical, entries)) => entries.iter().for_each(|entry| self.entry(entry, &canonical)),
            Err(error) => self.failed(folder, &error),
        }
    }

    fn entry(&mut self, entry: &DirEntry, folder: &Path) {
        let (name, path) = (entry.file_name(), entry.path());
        // Also `..data` and its like in a mounted ConfigMap: what is in it is linked to from beside it.
        if name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let format = format(&path);
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        // Follows links. What vanished meanwhile is not there.
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.folder(&path, &metadata),
            Ok(metadata) if metadata.is_file() => {
                if let Some(format) = format {
                    self.file(&path, Some(folder.join(name)), link, &metadata, format);
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if format.is_some() => self.failed(&path, &error),
            Err(_) => {}
        }
    }

    fn file(&mut self, path: &Path, name: Option<PathBuf>, link: bool, metadata: &Metadata, format: Format) {
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        // What a link leads to is changed in the folder where that is.
        let target = if link { path.canonicalize().ok() } else { None };
        if let Some(folder) = target.as_deref().and_then(Path::parent) {
            self.watch(folder);
        }
        self.files.names.extend(target.clone());
        let found = Found { fingerprint: Fingerprint::of(metadata), format, names: [name, target] };
        self.files.found.insert(path.to_owned(), found);
    }

    fn watch(&mut self, folder: &Path) {
        if self.files.watched.insert(folder.to_owned()) {
            (self.watch)(folder);
        }
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        self.unreadable(path, &format!("cannot be read: {error}"), super::KEPT);
    }

    fn unreadable(&mut self, path: &Path, message: &str, remedy: &str) {
        self.files.unreadable.insert(path.to_owned(), problem(path, message, remedy));
    }
}

/// What a name in a folder that was walked leads to.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing that would be read.
    Nothing,
    /// A file that has no other name.
    File(Found),
    /// Something for which a walk is needed.
    Other,
}

/// Looks at one name, without links on the way to its folder, as events have it.
pub(super) fn look(name: &Path) -> Look {
    let hidden = name.file_name().map_or(&b""[..], OsStr::as_encoded_bytes);
    if hidden.starts_with(b".") && !hidden.starts_with(b"..") {
        return Look::Nothing;
    }
    match std::fs::symlink_metadata(name) {
        Ok(metadata) if metadata.is_file() && metadata.nlink() == 1 => match format(name) {
            Some(format) => {
                let names = [Some(name.to_owned()), None];
                Look::File(Found { fingerprint: Fingerprint::of(&metadata), format, names })
            }
            None => Look::Nothing,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Look::Nothing,
        _ => Look::Other,
    }
}

/// How a file in a folder is written; `None` for one that is not read.
fn format(path: &Path) -> Option<Format> {
    match path.extension().and_then(OsStr::to_str) {
        Some("yaml" | "yml") => Some(Format::Yaml),
        Some("json") => Some(Format::Json),
        _ => None,
    }
}

fn problem(path: &Path, message: &str, remedy: &str) -> Problem {
    Problem::new(path.display().to_string(), message, remedy)
}

/// The path with the links on the way to its folder followed. Events name files so.
fn without_links(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return None,
    };
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(roots: &[PathBuf], folder: &Path) -> Vec<String> {
        let files = walk(roots, &mut |_| {});
        assert!(files.unreadable.is_empty(), "{files:?}");
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        files.found.keys().map(name).collect()
    }

    #[test]
    fn folders_are_walked_and_hidden_entries_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        for name in ["b.yaml", "a/c.yml", "a/d/e.json", ".hidden.yaml", ".git/x.yaml", "readme.md", "a.yaml~"]
        {
            write(name);
        }
        symlink("..", folder.path().join("a/circle")).unwrap();
        symlink("nowhere", folder.path().join("dangling.yaml")).unwrap();
        assert_eq!(names(&[folder.path().into()], folder.path()), ["a/c.yml", "a/d/e.json", "b.yaml"]);
        // A file that is named is read whatever its name, and one that is reached twice is read once.
        let roots = [folder.path().join("readme.md"), folder.path().join("b.yaml"), folder.path().into()];
        assert_eq!(names(&roots, folder.path()), ["a/c.yml", "a/d/e.json", "b.yaml", "readme.md"]);
    }

    #[test]
    fn a_mounted_config_map_is_read_through_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join("..2026_01");
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("web.yaml"), "").unwrap();
        symlink("..2026_01", folder.path().join("..data")).unwrap();
        symlink("..data/web.yaml", folder.path().join("web.yaml")).unwrap();
        assert_eq!(names(&[folder.path().into()], folder.path()), ["web.yaml"]);
        let files = walk(&[folder.path().into()], &mut |_| {});
        let target = version.canonicalize().unwrap().join("web.yaml");
        assert!(
            files.names.contains(&target) && files.watched.contains(target.parent().unwrap()),
            "{files:?}"
        );
    }

    #[test]
    fn a_root_that_is_gone_is_named_and_its_folder_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let files = walk(&[folder.path().join("later.yaml")], &mut |_| {});
        assert!(files.found.is_empty() && files.unreadable.is_empty());
        let gone = files.gone[0].to_string();
        let message = "/later.yaml: is not there any more; its objects are not served until it is back";
        assert!(gone.ends_with(message), "{gone}");
        assert!(files.watched.contains(&folder.path().canonicalize().unwrap()));
    }
}
