//! What a write makes of an object: the server's own fields, the subresource, the conflicts. Nothing is stored here.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::object::{Key, Stored, meta, sound};
use super::patch::{PatchType, patched};
use super::status::Failure;
use super::store::Store;

/// Which object, and which part of it, a write is for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: &'static Kind,
    /// None for all namespaces and for kinds of the cluster.
    pub(crate) namespace: Option<String>,
    /// Empty for the collection.
    pub(crate) name: String,
    /// True for `/status`.
    pub(crate) status: bool,
}

impl Target {
    pub(crate) fn key(&self) -> Key {
        (self.namespace.clone().unwrap_or_default(), self.name.clone())
    }
}

/// What a request wants to do to its target.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    Create(Value),
    Update(Value),
    Patch {
        patch_type: PatchType,
        patch: Value,
        manager: String,
    },
    /// With the preconditions of the caller, if any.
    Delete(Value),
}

/// A change that is ready to be stored, as long as `old` is what is there.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: &'static Kind,
    pub(crate) key: Key,
    pub(crate) old: Option<Arc<Stored>>,
    /// None deletes.
    pub(crate) new: Option<Value>,
}

impl Candidate {
    /// True if there is nothing to store.
    pub(crate) fn is_unchanged(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old.value() == *new)
    }
}

/// Works out what `write` makes of what is stored.
pub(crate) fn prepare(store: &Store, target: &Target, write: &Write) -> Result<Candidate, Failure> {
    let kind = target.kind;
    if let Write::Create(body) = write {
        return create(store, target, body.clone());
    }
    let key = target.key();
    let old = store.get(kind, &key);
    let Some(stored) = &old else {
        return match write {
            Write::Patch { patch_type: PatchType::Apply, patch, manager } if !target.status => {
                let empty = json!({ "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": { "name": key.1 } });
                create(store, target, patched(kind, &key.1, empty, PatchType::Apply, patch, manager)?)
            }
            _ => Err(Failure::not_found(kind, &key.1)),
        };
    };
    let current = stored.value();
    let new = match write {
        Write::Create(_) => None,
        Write::Delete(options) => {
            check_preconditions(target, &current, options)?;
            None
        }
        Write::Update(body) => Some(replaced(target, &current, sound(body.clone())?, true)?),
        Write::Patch { patch_type, patch, manager } => {
            let new = patched(kind, &key.1, current.clone(), *patch_type, patch, manager)?;
            Some(replaced(target, &current, sound(new)?, false)?)
        }
    };
    Ok(Candidate { kind, key, old, new })
}

fn check_preconditions(target: &Target, current: &Value, options: &Value) -> Result<(), Failure> {
    for name in ["uid", "resourceVersion"] {
        let Some(wanted) = options["preconditions"][name].as_str() else { continue };
        let found = meta(current, name);
        if found != wanted {
            let why = format!(
                "Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {found}"
            );
            return Err(Failure::conflict(target.kind, &target.name, &why));
        }
    }
    Ok(())
}

fn create(store: &Store, target: &Target, body: Value) -> Result<Candidate, Failure> {
    let kind = target.kind;
    let mut new = sound(body)?;
    check_types(kind, &new)?;
    if kind.namespaced() && target.namespace.is_none() {
        return Err(Failure::method());
    }
    if !meta(&new, "resourceVersion").is_empty() {
        return Err(Failure::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let mut name = meta(&new, "name").to_owned();
    if name.is_empty() && !meta(&new, "generateName").is_empty() {
        name = format!("{}{:05x}", meta(&new, "generateName"), rand::random_range(0..0x10_0000));
    }
    let target = Target { name, ..target.clone() };
    if target.name.is_empty() {
        return Err(Failure::invalid(
            kind,
            "",
            "metadata.name: Required value: name or generateName is required",
        ));
    }
    check_namespace(&target, &new)?;
    let key = target.key();
    if store.get(kind, &key).is_some() {
        return Err(Failure::already_exists(kind, &key.1));
    }
    if kind.has_status() {
        new["status"] = empty_status(kind);
    }
    for name in ["uid", "creationTimestamp", "generation"] {
        new["metadata"][name] = Value::Null;
    }
    stamp(kind, &key, &mut new);
    validate(kind, &key.1, &new)?;
    Ok(Candidate { kind, key, old: None, new: Some(new) })
}

/// What a client cannot know: sets the fields of the metadata that the server owns, where they are not set already.
pub(crate) fn stamp(kind: &'static Kind, key: &Key, object: &mut Value) {
    let (namespace, name) = key;
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let random: u128 = rand::random();
    let uid = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        random as u32,
        (random >> 32) as u16,
        (random >> 48) as u16 & 0xfff,
        (random >> 64) as u16 & 0xfff,
        (random >> 80),
    );
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.kind);
    let metadata = &mut object["metadata"];
    metadata["name"] = json!(name);
    let mut set = |field: &str, value: Value| {
        if metadata[field].is_null() {
            metadata[field] = value;
        }
    };
    set("uid", json!(uid));
    set("creationTimestamp", json!(now));
    if kind.namespaced() {
        set("namespace", json!(namespace));
    }
    if kind.has_generation() {
        set("generation", json!(1));
    }
    if kind.plural == "namespaces" {
        set("labels", json!({}));
        metadata["labels"]["kubernetes.io/metadata.name"] = json!(name);
    }
    if let Some(fields) = metadata.as_object_mut() {
        let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        fields.retain(|_, value| !empty(value));
    }
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn empty_status(kind: &Kind) -> Value {
    match kind.plural {
        "ingresses" | "services" => json!({ "loadBalancer": {} }),
        "namespaces" => json!({ "phase": "Active" }),
        _ => json!({}),
    }
}

/// `current` after `new` was written to it, to its status or to all but its status. `whole` is true for a `PUT`.
fn replaced(target: &Target, current: &Value, mut new: Value, whole: bool) -> Result<Value, Failure> {
    let (kind, name) = (target.kind, &target.name);
    check_types(kind, &new)?;
    check_namespace(target, &new)?;
    if meta(&new, "name") != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            meta(&new, "name")
        )));
    }
    let version = meta(&new, "resourceVersion");
    if version.is_empty() && whole && kind.versioned() {
        let why = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
        return Err(Failure::invalid(kind, name, why));
    }
    if !version.is_empty() && version != meta(current, "resourceVersion") {
        return Err(Failure::modified(kind, name));
    }
    if target.status {
        let mut with_status = current.clone();
        with_status["status"] = new["status"].take();
        new = with_status;
    } else if kind.has_status() {
        new["status"] = current["status"].clone();
    }
    for field in ["uid", "creationTimestamp", "generation", "resourceVersion"] {
        new["metadata"][field] = current["metadata"][field].clone();
    }
    if new["metadata"]["managedFields"].is_null() {
        new["metadata"]["managedFields"] = current["metadata"]["managedFields"].clone();
    }
    stamp(kind, &target.key(), &mut new);
    count_generation(kind, current, &mut new);
    validate(kind, name, &new)?;
    Ok(new)
}

/// Raises the generation of `new` if it differs from `current` in more than metadata and status.
pub(crate) fn count_generation(kind: &Kind, current: &Value, new: &mut Value) {
    let content = |object: &Value| {
        let mut fields = object.as_object().cloned().unwrap_or_default();
        fields.retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
        fields
    };
    if kind.has_generation() && content(current) != content(new) {
        let generation = current["metadata"]["generation"].as_u64().unwrap_or(0);
        new["metadata"]["generation"] = json!(generation + 1);
    }
}

fn check_types(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let differs = |name: &str, wanted: &str| object[name].as_str().is_some_and(|found| found != wanted);
    if differs("kind", kind.kind) || differs("apiVersion", &kind.api_version()) {
        let found = format!("{} in version {}", object["kind"], object["apiVersion"]);
        return Err(Failure::bad_request(format!("{found} cannot be handled as a {}", kind.kind)));
    }
    Ok(())
}

fn check_namespace(target: &Target, object: &Value) -> Result<(), Failure> {
    let found = meta(object, "namespace");
    if !found.is_empty() && found != target.namespace.as_deref().unwrap_or_default() {
        let why = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(why));
    }
    Ok(())
}

/// The little that the controller relies on.
fn validate(kind: &Kind, name: &str, object: &Value) -> Result<(), Failure> {
    let spec = &object["spec"];
    let rules = spec["rules"].as_array().is_some_and(|rules| !rules.is_empty());
    if kind.plural == "ingresses" && !rules && spec["defaultBackend"].is_null() {
        let why = "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified";
        return Err(Failure::invalid(kind, name, why));
    }
    Ok(())
}
