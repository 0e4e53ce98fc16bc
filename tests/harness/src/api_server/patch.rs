//! The four kinds of patch: JSON, merge, strategic merge, apply.
//!
//! Strategic merge knows the lists of the kinds that suites and `kubectl apply` touch; apply merges and notes the manager, without conflicts
//! between managers and without removing what a manager gave up.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::status::Failure;

/// What a patch is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchType {
    pub(crate) fn of(media_type: &str) -> Result<Self, Failure> {
        match media_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => {
                Err(Failure::new(415, "UnsupportedMediaType", format!("unsupported patch type {other:?}")))
            }
        }
    }

    /// Parses the body of such a patch.
    pub(crate) fn parse(self, body: &[u8]) -> Result<Value, Failure> {
        let bad = |error: &dyn std::fmt::Display| {
            Failure::bad_request(format!("unable to parse the patch: {error}"))
        };
        if self == Self::Apply {
            let text = std::str::from_utf8(body).map_err(|error| bad(&error))?;
            return serde_saphyr::from_str(text).map_err(|error| bad(&error));
        }
        serde_json::from_slice(body).map_err(|error| bad(&error))
    }
}

/// The object with the patch in it. `manager` is who applies.
pub(crate) fn patched(
    kind: &Kind,
    name: &str,
    mut object: Value,
    patch_type: PatchType,
    patch: &Value,
    manager: &str,
) -> Result<Value, Failure> {
    match patch_type {
        PatchType::Merge => json_patch::merge(&mut object, patch),
        PatchType::Strategic => strategic(kind, &mut object, patch),
        PatchType::Json => {
            let operations: json_patch::Patch = serde_json::from_value(patch.clone())
                .map_err(|error| Failure::bad_request(format!("unable to parse the patch: {error}")))?;
            json_patch::patch(&mut object, &operations).map_err(|error| {
                Failure::invalid(kind, name, &format!("the patch does not apply: {error}"))
            })?;
        }
        PatchType::Apply => {
            let owned = managed(&object, manager);
            json_patch::merge(&mut object, patch);
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("managedFields".to_owned(), owned);
            }
        }
    }
    Ok(object)
}

/// The managed fields with one entry for `manager`, who keeps the one that is there already.
fn managed(object: &Value, manager: &str) -> Value {
    let mut entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    if !entries.iter().any(|entry| entry["manager"] == manager) {
        entries.push(json!({
            "manager": manager,
            "operation": "Apply",
            "apiVersion": object["apiVersion"],
            "time": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "fieldsType": "FieldsV1",
            "fieldsV1": {},
        }));
    }
    Value::Array(entries)
}

fn strategic(kind: &Kind, target: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if changes.get("$patch").is_some_and(|directive| directive == "replace") || !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (name, change) in changes {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = change.as_array().map_or(&[][..], Vec::as_slice);
            if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
        } else if !name.starts_with('$') {
            strategic_field(kind, fields, name, change);
        }
    }
}

fn strategic_field(kind: &Kind, fields: &mut Map<String, Value>, name: &str, change: &Value) {
    match (change, merge_key(kind, name)) {
        (Value::Null, _) => {
            fields.remove(name);
        }
        (Value::Object(_), _) => strategic(kind, fields.entry(name).or_insert_with(|| json!({})), change),
        (Value::Array(items), Some(key)) => {
            let list = fields.entry(name).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                merge_list(kind, list, items, key);
            }
        }
        _ => {
            fields.insert(name.to_owned(), change.clone());
        }
    }
}

/// By which field the items of a list are told apart; None where a list is replaced as a whole.
fn merge_key(kind: &Kind, list: &str) -> Option<&'static str> {
    match (kind.plural, list) {
        ("services", "ports") => Some("port"),
        ("deployments" | "daemonsets" | "pods", "ports") => Some("containerPort"),
        (
            _,
            "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "secrets" | "webhooks",
        ) => Some("name"),
        (_, "volumeMounts") => Some("mountPath"),
        (_, "conditions") | ("nodes", "addresses") => Some("type"),
        (_, "ownerReferences") => Some("uid"),
        _ => None,
    }
}

fn merge_list(kind: &Kind, list: &mut Vec<Value>, items: &[Value], key: &str) {
    if items.iter().any(|item| item["$patch"] == "replace") {
        list.clear();
    }
    for item in items {
        let place = list.iter().position(|old| old[key] == item[key]);
        match (item["$patch"].as_str(), place.and_then(|place| list.get_mut(place))) {
            (Some("replace"), _) => {}
            (Some("delete"), _) => list.retain(|old| old[key] != item[key]),
            (_, Some(old)) => strategic(kind, old, item),
            (_, None) => list.push(item.clone()),
        }
    }
}
