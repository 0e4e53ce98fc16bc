use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;

fn service(name: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n")
}

struct Folder {
    folder: TempDir,
    manifests: Manifests,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifests = Manifests::new(&[folder.path().into()]);
        Self { folder, manifests }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The names of the Services, and the problems without the folder's path.
    fn load(&mut self) -> (Vec<String>, Vec<String>) {
        let problems = self.manifests.load().problems;
        let objects = self.manifests.objects();
        let names = objects.services.iter().filter_map(|service| service.metadata.name.clone()).collect();
        let folder = format!("{}/", self.folder.path().display());
        let problems = problems.iter().map(|problem| problem.to_string().replace(&folder, "")).collect();
        (names, problems)
    }

    fn assert(&mut self, names: &[&str], problems: &[&str]) {
        assert_eq!(self.load(), (strings(names), strings(problems)));
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_broken_file_keeps_its_last_good_content() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &service("a"));
    folder.write("b.yaml", "kind: [\n");
    let broken = "b.yaml:1:7: is no valid YAML here: unclosed bracket '['; nothing of this file is in use until it is \
                  corrected";
    folder.assert(&["a"], &[broken]);
    // One broken document makes the file broken, and the other file does not suffer.
    folder.write(
        "a.yaml",
        &format!("{}---\n{}", service("a2"), "apiVersion: v1\nkind: Service\nmetadata: 5\n"),
    );
    folder.write("b.yaml", &service("b"));
    folder.assert(
        &["a", "b"],
        &["a.yaml:7:11: metadata: invalid type: integer `5`, expected ObjectMeta; its last good content stays in use"],
    );
    folder.write("a.yaml", &service("a3"));
    folder.assert(&["a3", "b"], &[]);
}

#[test]
fn an_emptied_and_a_deleted_file_take_their_objects_along() {
    let mut folder = Folder::new();
    for name in ["a", "b", "c"] {
        folder.write(&format!("{name}.yaml"), &service(name));
    }
    folder.assert(&["a", "b", "c"], &[]);
    folder.write("a.yaml", "");
    std::fs::remove_file(folder.folder.path().join("b.yaml")).unwrap();
    folder.assert(&["c"], &[]);
    assert_eq!(folder.manifests.len(), 2);
}

#[test]
fn what_cannot_be_read_keeps_its_last_good_content() {
    let mut folder = Folder::new();
    std::fs::create_dir(folder.folder.path().join("sub")).unwrap();
    folder.write("a.yaml", &service("a"));
    folder.write("sub/b.yaml", &service("b"));
    folder.assert(&["a", "b"], &[]);
    folder.write("a.yaml", "\u{feff}# only a mark\n");
    folder.assert(&["b"], &[]);
    std::fs::write(folder.folder.path().join("sub/b.yaml"), b"a: 1\nb: \xff\n").unwrap();
    let message = "sub/b.yaml: is no UTF-8 text: see line 2; its last good content stays in use";
    folder.assert(&["b"], &[message]);

    let sub = folder.folder.path().join("sub");
    let rights = |mode: u32| {
        std::fs::set_permissions(&sub, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    rights(0);
    if std::fs::read_dir(&sub).is_ok() {
        return; // For root no right is missing.
    }
    let (names, problems) = folder.load();
    assert_eq!(names, ["b"]);
    assert!(problems.iter().any(|problem| problem.starts_with("sub: cannot be read: ")), "{problems:?}");
    rights(0o700);
    folder.assert(&["b"], &[message]);
}

#[test]
fn of_two_objects_of_one_name_the_first_is_used() {
    let mut folder = Folder::new();
    folder.write("b.yaml", &service("x"));
    folder.write("a.yaml", &format!("{}---\n{}", service("x"), service("x")));
    folder.manifests.load();
    let objects = folder.manifests.objects();
    assert_eq!(objects.services.len(), 1);
    let path = folder.folder.path().display().to_string();
    let findings: Vec<_> =
        objects.findings.iter().map(|finding| finding.to_string().replace(&path, "")).collect();
    assert_eq!(
        findings,
        [
            "service default/x: stands twice in /a.yaml; only the first one is used; remove one of them",
            "service default/x: stands in /a.yaml and in /b.yaml; only the first one is used; remove one of them",
        ]
    );
}

#[test]
fn a_mounted_config_map_changes_with_its_link() {
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    for (version, name) in [("..1", "old"), ("..2", "new")] {
        std::fs::create_dir(path.join(version)).unwrap();
        folder.write(&format!("{version}/web.yaml"), &service(name));
    }
    symlink("..1", path.join("..data")).unwrap();
    symlink("..data/web.yaml", path.join("web.yaml")).unwrap();
    folder.assert(&["old"], &[]);
    symlink("..2", path.join("..next")).unwrap();
    std::fs::rename(path.join("..next"), path.join("..data")).unwrap();
    folder.assert(&["new"], &[]);
}

#[test]
fn files_that_look_the_same_are_not_read_again() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &service("a"));
    folder.assert(&["a"], &[]);
    folder.manifests.watch.take();
    let Some(file) = folder.manifests.files.values_mut().next() else { panic!("no file") };
    file.entries.clear();
    folder.assert(&[], &[]);
    assert!(!folder.manifests.differs());
    folder.write("a.yaml", &service("longer"));
    assert!(folder.manifests.differs());
}

/// Changes of every sort wake the source, each within the time that a test may wait.
#[tokio::test]
async fn every_sort_of_change_wakes() {
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    folder.write("a.yaml", &service("a"));
    std::fs::create_dir(path.join("sub")).unwrap();
    folder.assert(&["a"], &[]);
    assert!(folder.manifests.watch.is_complete());

    folder.write("a.yaml", &service("b"));
    folder.wait_for(&["b"]).await;
    folder.write("sub/c.yaml", &service("c"));
    folder.wait_for(&["b", "c"]).await;
    // As editors do: a new file under the old name.
    folder.write(".a.tmp", &service("d"));
    std::fs::rename(path.join(".a.tmp"), path.join("a.yaml")).unwrap();
    folder.wait_for(&["d", "c"]).await;
    std::fs::create_dir(path.join("new")).unwrap();
    folder.write("new/e.yaml", &service("e"));
    folder.wait_for(&["d", "e", "c"]).await;
    std::fs::remove_dir_all(path.join("sub")).unwrap();
    folder.wait_for(&["d", "e"]).await;
    // The whole folder, replaced by another of the same name.
    std::fs::remove_dir_all(&path).unwrap();
    folder.wait_for(&[]).await;
    std::fs::create_dir(&path).unwrap();
    folder.write("f.yaml", &service("f"));
    folder.wait_for(&["f"]).await;
    folder.write("f.yaml", &service("g"));
    folder.wait_for(&["g"]).await;
}

/// A single file of a mounted ConfigMap is passed: nothing with its name is ever touched.
#[tokio::test]
async fn a_swapped_mount_wakes() {
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    for (version, name) in [("..1", "old"), ("..2", "new")] {
        std::fs::create_dir(path.join(version)).unwrap();
        folder.write(&format!("{version}/web.yaml"), &service(name));
    }
    symlink("..1", path.join("..data")).unwrap();
    symlink("..data/web.yaml", path.join("web.yaml")).unwrap();
    folder.manifests = Manifests::new(&[path.join("web.yaml")]);
    folder.assert(&["old"], &[]);
    symlink("..2", path.join("..next")).unwrap();
    std::fs::rename(path.join("..next"), path.join("..data")).unwrap();
    folder.wait_for(&["new"]).await;
    folder.write("..2/web.yaml", &service("newer"));
    folder.wait_for(&["newer"]).await;
}

impl Folder {
    /// Waits for a change that is to be taken up so.
    async fn until(&mut self, pace: Pace) {
        let wait = async { while self.manifests.changed().await != pace {} };
        let seconds = std::time::Duration::from_secs(20);
        tokio::time::timeout(seconds, wait)
            .await
            .unwrap_or_else(|_| panic!("no change to be taken up {pace:?}"));
    }

    async fn wait_for(&mut self, names: &[&str]) {
        let wait = async {
            loop {
                self.manifests.changed().await;
                if self.load().0 == names {
                    return;
                }
            }
        };
        let seconds = std::time::Duration::from_secs(20);
        tokio::time::timeout(seconds, wait).await.unwrap_or_else(|_| panic!("no change to {names:?}"));
    }
}

/// Reading the files is no change of them.
#[tokio::test]
async fn a_load_does_not_wake() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &service("a"));
    folder.load();
    let quiet = async {
        // What the writing and the first walk left behind may wake once or twice.
        for _ in 0..20 {
            folder.manifests.changed().await;
            folder.load();
        }
    };
    let loops = tokio::time::timeout(std::time::Duration::from_millis(300), quiet).await;
    assert!(loops.is_err(), "a load wakes the source that does it");
}

/// An object that has not changed stays the same allocation, whatever happens around it; by that the compile knows it.
#[tokio::test]
async fn what_has_not_changed_stays_what_it_is() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &format!("{}---\n{}", service("a"), service("b")));
    folder.write("c.yaml", &service("c"));
    folder.assert(&["a", "b", "c"], &[]);
    let before = folder.manifests.objects().services.clone();
    let changed = service("b").replace("{name: b}", "{name: b, uid: x}");
    folder.write("a.yaml", &format!("{}---\n{changed}", service("a")));
    folder.write("d.yaml", &service("d"));
    folder.wait_for(&["a", "b", "c", "d"]).await;
    while folder.manifests.objects().services[1].metadata.uid.is_none() {
        folder.manifests.changed().await;
        folder.load();
    }
    let after = &folder.manifests.objects().services;
    let same: Vec<_> = before.iter().zip(after).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
    assert_eq!(same, [true, false, true]);
}

/// What an event names is looked at alone, and what comes and goes is seen all the same.
#[tokio::test]
async fn an_event_is_enough() {
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    folder.write("a.yaml", &service("a"));
    folder.write("b.yaml", &service("b"));
    folder.assert(&["a", "b"], &[]);
    folder.write(".tmp", &service("a2"));
    std::fs::rename(path.join(".tmp"), path.join("a.yaml")).unwrap();
    folder.manifests.changed().await;
    let events = folder.manifests.watch.take();
    let found = folder.manifests.only(&events);
    let paths = found.map(|found| found.into_iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert!(paths.is_none_or(|paths| paths.iter().all(|found| *found == path.join("a.yaml"))));
    folder.load();
    folder.assert(&["a2", "b"], &[]);
    for (name, expected) in [("c.yaml", &["a2", "b", "c"][..]), ("notes.txt", &["a2", "b", "c"])] {
        folder.write(name, &service("c"));
        folder.wait_for(expected).await;
    }
    std::fs::hard_link(path.join("c.yaml"), path.join("d.yaml")).unwrap();
    folder.write("c.yaml", &service("c2"));
    folder.wait_for(&["a2", "b", "c2"]).await;
    std::fs::rename(path.join("b.yaml"), path.join("z.yaml")).unwrap();
    folder.wait_for(&["a2", "c2", "b"]).await;
    std::fs::remove_file(path.join("z.yaml")).unwrap();
    folder.wait_for(&["a2", "c2"]).await;
}

/// What a link leads to is known by the name of the link, also when an event names what it leads to.
#[tokio::test]
async fn a_linked_file_changes_and_goes() {
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    folder.write("b.yaml", &service("old"));
    symlink("b.yaml", path.join("a.yaml")).unwrap();
    folder.assert(&["old"], &[]);
    folder.write("b.yaml", &service("new"));
    folder.wait_for(&["new"]).await;
    folder.assert(&["new"], &[]);
    std::fs::remove_file(path.join("b.yaml")).unwrap();
    folder.wait_for(&[]).await;
}

/// A file that is written is waited for; one that was put where it is is not.
#[tokio::test]
async fn a_file_that_is_being_written_is_waited_for() {
    use std::io::Write;
    let mut folder = Folder::new();
    let path = folder.folder.path().to_owned();
    folder.write("a.yaml", &service("a"));
    folder.assert(&["a"], &[]);
    folder.manifests.watch.take();
    let mut file = std::fs::File::create(path.join("a.yaml")).unwrap();
    folder.until(LATER).await;
    file.write_all(service("b").as_bytes()).unwrap();
    drop(file);
    folder.until(SOON).await;
    folder.assert(&["b"], &[]);
    std::fs::remove_file(path.join("a.yaml")).unwrap();
    folder.until(LATER).await;
}
