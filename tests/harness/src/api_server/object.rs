//! One stored version of an object, kept as the bytes that go over the wire.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::status::Failure;

/// Namespace (empty for kinds of the cluster) and name.
pub(crate) type Key = (String, String);

/// An object at one version.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) kind: &'static Kind,
    pub(crate) key: Key,
    pub(crate) version: u64,
    /// The object without `apiVersion` and `kind`, as real lists have it.
    item: Bytes,
}

impl Stored {
    /// `object` at `version`. The object must be [`sound`].
    pub(crate) fn new(kind: &'static Kind, key: Key, version: u64, mut object: Value) -> Arc<Self> {
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        if let Some(fields) = object.as_object_mut() {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        let item = Bytes::from(object.to_string());
        Arc::new(Self { kind, key, version, item })
    }

    /// The same object, said to be of another version: what a watch tells of one that is gone.
    pub(crate) fn at(&self, version: u64) -> Arc<Self> {
        Self::new(self.kind, self.key.clone(), version, self.value())
    }

    /// The object as an item of a list.
    pub(crate) fn item(&self) -> &[u8] {
        &self.item
    }

    /// Appends the whole object to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let types =
            format!("{{\"apiVersion\":\"{}\",\"kind\":\"{}\",", self.kind.api_version(), self.kind.kind);
        out.extend_from_slice(types.as_bytes());
        // There is always a field to come: the metadata.
        out.extend_from_slice(self.item.get(1..).unwrap_or_default());
    }

    /// The whole object.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.item.len() + 80);
        self.write(&mut out);
        out
    }

    /// The whole object, parsed.
    pub(crate) fn value(&self) -> Value {
        let mut value: Value = serde_json::from_slice(&self.item).unwrap_or_default();
        value["apiVersion"] = json!(self.kind.api_version());
        value["kind"] = json!(self.kind.kind);
        value
    }
}

/// `object` with a `metadata` whose text fields are texts and whose maps are maps, or why not: afterwards fields can be set by index.
pub(crate) fn sound(mut object: Value) -> Result<Value, Failure> {
    let fields = object.as_object_mut().ok_or_else(|| Failure::bad_request("the body must be an object"))?;
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    let metadata = metadata.as_object().ok_or_else(|| Failure::bad_request("metadata must be an object"))?;
    for name in ["name", "generateName", "namespace", "resourceVersion", "uid"] {
        if metadata.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(Failure::bad_request(format!("metadata.{name} must be a string")));
        }
    }
    for name in ["labels", "annotations"] {
        let strings = |value: &Value| value.as_object().is_some_and(|map| map.values().all(Value::is_string));
        if metadata.get(name).is_some_and(|value| !strings(value) && !value.is_null()) {
            return Err(Failure::bad_request(format!("metadata.{name} must be a map of strings")));
        }
    }
    Ok(object)
}

/// A text field of the metadata; empty if it is not there.
pub(crate) fn meta<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"][name].as_str().unwrap_or_default()
}
