//! The objects of a file, and ways to look into them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The files with objects, by their names from the root of the repository.
pub(crate) const FILES: &[&str] = &[
    "deploy/manifests/deployment.yaml",
    "deploy/manifests/daemonset.yaml",
    "tests/deploy/rendered/default.yaml",
    "tests/deploy/rendered/existing.yaml",
    "tests/deploy/rendered/scoped.yaml",
];

/// A path from the root of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}

/// The objects of one file.
pub(crate) struct Objects {
    pub(crate) file: &'static str,
    pub(crate) objects: Vec<Value>,
}

pub(crate) fn read(file: &'static str) -> Objects {
    let text = std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let objects: Vec<_> = documents.into_iter().filter(|document| !document.is_null()).collect();
    assert!(objects.len() > 5, "{file}: {} objects", objects.len());
    Objects { file, objects }
}

pub(crate) fn read_all() -> Vec<Objects> {
    FILES.iter().map(|file| read(file)).collect()
}

impl Objects {
    pub(crate) fn of_kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of_kind(kind).find(|object| object["metadata"]["name"] == name)
    }

    /// The Deployment or DaemonSet of the controller.
    pub(crate) fn controller(&self) -> &Value {
        let mut found = self.workloads().filter(|object| name(object).ends_with("-controller"));
        let controller = found.next().unwrap_or_else(|| panic!("{}: no controller", self.file));
        assert!(found.next().is_none(), "{}: more than one controller", self.file);
        controller
    }

    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(|object| object["kind"] == "Deployment" || object["kind"] == "DaemonSet")
    }

    /// The flags of the controller, with the pod's variables filled in.
    pub(crate) fn flags(&self) -> Vec<String> {
        let controller = self.controller();
        let namespace = namespace(controller);
        let flags = list(&container(controller)["args"]).iter().map(text);
        flags.map(|flag| flag.replace("$(POD_NAMESPACE)", namespace)).collect()
    }

    /// The value of a flag.
    pub(crate) fn flag(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}=");
        self.flags().into_iter().find_map(|flag| flag.strip_prefix(&prefix).map(str::to_owned))
    }
}

/// The only container of a workload.
pub(crate) fn container(workload: &Value) -> &Value {
    let containers = list(&workload["spec"]["template"]["spec"]["containers"]);
    assert_eq!(containers.len(), 1, "{}", label(workload));
    &containers[0]
}

pub(crate) fn label(object: &Value) -> String {
    format!("{} {}/{}", text(&object["kind"]), namespace(object), name(object))
}

pub(crate) fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

pub(crate) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The elements of a list; none if it is absent.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
