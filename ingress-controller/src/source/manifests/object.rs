//! From the documents of a file to Kubernetes objects: lists taken apart, defaults filled in, and each field read as strictly as the API
//! server would, except where what is meant is plain.

use std::cell::OnceCell;
use std::sync::Arc;

use ingress_core::{Finding, ObjectRef, ingress_from_v1beta1};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::defect::Defect;
use super::document::{Format, documents, parts};
use super::entry::{Entry, Object};
use super::kind::{Kind, Version, classify};
use super::locate::{Place, Places, Step};
use super::tree::Tree;
use super::{parallel, sound, strict};
use crate::source::trim::Trim;

/// The objects of a text. The first defect makes the whole text unusable: half of a file may be the wrong half.
pub(super) fn entries(text: &str, format: Format) -> Result<Vec<Entry>, Defect> {
    let parts = match format {
        Format::Yaml => parts(text),
        Format::Json => Vec::new(),
    };
    if parts.len() > 1 {
        let read = parallel::each(&parts, |part| entries_of_part(part, format));
        // Where a defect is can only be said of the text as a whole.
        if let Ok(entries) = read.into_iter().collect::<Result<Vec<_>, _>>() {
            return Ok(entries.into_iter().flatten().collect());
        }
    }
    entries_of_part(text, format)
}

fn entries_of_part(text: &str, format: Format) -> Result<Vec<Entry>, Defect> {
    let reader = Reader { text, places: OnceCell::new() };
    let mut entries = Vec::new();
    for (document, tree) in documents(text, format)?.iter().enumerate() {
        reader.read(tree, &mut Position { document, steps: Vec::new() }, ("", ""), &mut entries)?;
    }
    entries.shrink_to_fit();
    Ok(entries)
}

/// Where in the file a value is.
pub(super) struct Position {
    document: usize,
    steps: Vec<Step>,
}

pub(super) struct Reader<'t> {
    text: &'t str,
    places: OnceCell<Places>,
}

impl Reader<'_> {
    /// Reads an object, or each of a list. `inherited` is the version and kind of an item that names none.
    fn read(
        &self,
        tree: &Tree<'_>,
        position: &mut Position,
        inherited: (&str, &str),
        entries: &mut Vec<Entry>,
    ) -> Result<(), Defect> {
        if !matches!(tree, Tree::Map(_)) {
            return Err(self.defect(position, &[], "is no object: there is no apiVersion and kind"));
        }
        let version = self.named(tree, "apiVersion", inherited.0, position)?;
        let kind = self.named(tree, "kind", inherited.1, position)?;
        if let (Some(item), Some(Tree::Sequence(items))) = (kind.strip_suffix("List"), tree.get("items")) {
            position.steps.push(Step::Key("items".into()));
            for (index, item_tree) in items.iter().enumerate() {
                position.steps.push(Step::Index(index));
                let inherited = if item.is_empty() { ("", "") } else { (version, item) };
                self.read(item_tree, position, inherited, entries)?;
                position.steps.pop();
            }
            position.steps.pop();
            return Ok(());
        }
        match classify(version, kind) {
            Version::Known(known) => {
                let value = || value(tree, version, kind);
                entries.push(self.entry(known, Source { tree: Some(tree), value: &value }, position)?);
            }
            Version::Old(known) => {
                entries.push(self.entry_of_old_version(known, value(tree, version, kind), position)?);
            }
            Version::Unknown => {
                let message =
                    format!("there is no {kind} in {version:?}; the newest is networking.k8s.io/v1");
                return Err(self.defect(position, &[Step::Key("apiVersion".into())], message));
            }
            Version::Foreign => tracing::debug!(%version, %kind, "not used"),
        }
        Ok(())
    }

    /// What a field says that names the version or the kind.
    fn named<'n>(
        &self,
        tree: &'n Tree<'_>,
        field: &str,
        otherwise: &'n str,
        position: &Position,
    ) -> Result<&'n str, Defect> {
        match tree.get(field) {
            None | Some(Tree::Null) if otherwise.is_empty() => {
                Err(self.defect(position, &[], format!("has no {field}")))
            }
            None | Some(Tree::Null) => Ok(otherwise),
            Some(Tree::Text(name)) => Ok(name),
            Some(_) => Err(self.defect(position, &[Step::Key(field.into())], "is no text")),
        }
    }

    fn entry(&self, kind: Kind, source: Source<'_>, position: &Position) -> Result<Entry, Defect> {
        match kind {
            Kind::Ingress => self.plain(kind, source, position, Object::Ingress),
            Kind::IngressClass => self.plain(kind, source, position, Object::IngressClass),
            Kind::Service => self.plain(kind, source, position, Object::Service),
            Kind::EndpointSlice => self.plain(kind, source, position, Object::EndpointSlice),
            Kind::Endpoints => self.plain(kind, source, position, Object::Endpoints),
            Kind::ConfigMap => self.plain(kind, source, position, Object::ConfigMap),
            Kind::Namespace => self.plain(kind, source, position, Object::Namespace),
            Kind::Secret => self.plain(kind, source, position, |mut secret: Arc<Secret>| {
                merge_string_data(Arc::make_mut(&mut secret));
                Object::Secret(secret)
            }),
        }
    }

    fn plain<T>(
        &self,
        kind: Kind,
        source: Source<'_>,
        position: &Position,
        wrap: impl FnOnce(Arc<T>) -> Object,
    ) -> Result<Entry, Defect>
    where
        T: DeserializeOwned + Serialize + Metadata<Ty = ObjectMeta> + Trim,
    {
        let (mut object, findings) = match source.tree.and_then(sound::read::<T>) {
            Some(mut object) => {
                default_namespace(kind, object.metadata_mut());
                (object, Vec::new())
            }
            None => self.careful(kind, (source.value)(), position)?,
        };
        let reference = self.reference(kind, object.metadata(), position)?;
        object.trim();
        Ok(Entry { reference, findings, object: wrap(Arc::new(object)) })
    }

    /// Reads an object of which something is to be said.
    fn careful<T>(
        &self,
        kind: Kind,
        mut value: Value,
        position: &Position,
    ) -> Result<(T, Vec<Finding>), Defect>
    where
        T: DeserializeOwned + Serialize + Metadata<Ty = ObjectMeta>,
    {
        prepare_namespace(kind, &mut value);
        let original = (kind == Kind::Ingress).then(|| value.clone());
        let (object, repairs) = strict::typed::<T>(kind, value, &|steps| self.place(position, steps))
            .map_err(|fault| self.defect(position, &fault.steps, fault.message))?;
        let reference = self.reference(kind, object.metadata(), position)?;
        let mut findings: Vec<_> = repairs.iter().map(|repair| repair.finding(&reference)).collect();
        if let Some(original) = original {
            findings.extend(strict::unknown_fields(&original, &object, &reference));
        }
        Ok((object, findings))
    }

    fn entry_of_old_version(
        &self,
        kind: Kind,
        mut value: Value,
        position: &Position,
    ) -> Result<Entry, Defect> {
        prepare_namespace(kind, &mut value);
        if kind != Kind::Ingress {
            // The older versions of the other kinds have the same fields.
            let (version, old) = (kind.api_version(), value.get("apiVersion").cloned().unwrap_or_default());
            if let Some(object) = value.as_object_mut() {
                object.insert("apiVersion".into(), version.into());
            }
            let mut entry = self.entry(kind, Source { tree: None, value: &|| value.clone() }, position)?;
            entry.findings.push(strict::old_version(&entry.reference, &old, version));
            return Ok(entry);
        }
        let place = |steps: &[Step]| self.place(position, steps);
        let (read, repairs) = strict::typed::<MetadataOnly>(kind, value.clone(), &place)
            .map_err(|fault| self.defect(position, &fault.steps, fault.message))?;
        let reference = self.reference(kind, &read.metadata, position)?;
        if let (Some(object), Ok(metadata)) = (value.as_object_mut(), serde_json::to_value(&read.metadata)) {
            object.insert("metadata".into(), metadata);
        }
        let (ingress, finding) = ingress_from_v1beta1(value).map_err(|message| {
            // It begins with the field.
            let (field, rest) = message.split_once(": ").unwrap_or(("", &message));
            self.defect(position, &strict::steps_of(field), rest)
        })?;
        let mut ingress = ingress;
        ingress.trim();
        let mut findings = vec![finding];
        findings.extend(repairs.iter().map(|repair| repair.finding(&reference)));
        Ok(Entry { reference, findings, object: Object::Ingress(Arc::new(ingress)) })
    }

    fn reference(&self, kind: Kind, metadata: &ObjectMeta, position: &Position) -> Result<ObjectRef, Defect> {
        let name = metadata.name.clone().filter(|name| !name.is_empty());
        let steps = [Step::Key("metadata".into()), Step::Key("name".into())];
        let name = name.ok_or_else(|| self.defect(position, &steps, "is missing"))?;
        let namespace = metadata.namespace.clone().unwrap_or_default();
        Ok(ObjectRef { kind: kind.word(), namespace, name })
    }

    fn place(&self, position: &Position, steps: &[Step]) -> Option<Place> {
        let steps: Vec<_> = position.steps.iter().chain(steps).cloned().collect();
        let places = self.places.get_or_init(|| Places::read(self.text));
        places.find(self.text, position.document, &steps)
    }

    fn defect(&self, position: &Position, steps: &[Step], message: impl Into<String>) -> Defect {
        let place = self.place(position, steps);
        let steps: Vec<_> = position.steps.iter().chain(steps).cloned().collect();
        Defect {
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            field: strict::field(&steps),
            message: message.into(),
        }
    }
}

/// What the versions of a kind have in common.
#[derive(serde::Deserialize)]
struct MetadataOnly {
    metadata: ObjectMeta,
}

/// What an object is read from.
#[derive(Clone, Copy)]
struct Source<'n> {
    /// The tree, where it is to be read as it is.
    tree: Option<&'n Tree<'n>>,
    /// What it is read from with care.
    value: &'n dyn Fn() -> Value,
}

/// An object with its version and kind.
fn value(tree: &Tree<'_>, version: &str, kind: &str) -> Value {
    let mut value = tree.to_value();
    if let Some(object) = value.as_object_mut() {
        object.insert("apiVersion".into(), version.into());
        object.insert("kind".into(), kind.into());
    }
    value
}

/// `default` for an object that names no namespace, none for kinds that have none.
fn default_namespace(kind: Kind, metadata: &mut ObjectMeta) {
    if !kind.namespaced() {
        metadata.namespace = None;
    } else if metadata.namespace.as_deref().is_none_or(str::is_empty) {
        metadata.namespace = Some("default".into());
    }
}

/// As [`default_namespace`], before it is known whether the object can be read.
fn prepare_namespace(kind: Kind, value: &mut Value) {
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else { return };
    if !kind.namespaced() {
        metadata.remove("namespace");
    } else if matches!(metadata.get("namespace"), None | Some(Value::Null))
        || metadata.get("namespace").and_then(Value::as_str) == Some("")
    {
        metadata.insert("namespace".into(), "default".into());
    }
}

/// As the API server does when it stores a Secret: `stringData` wins over `data`.
fn merge_string_data(secret: &mut Secret) {
    let Some(texts) = secret.string_data.take() else { return };
    let data = secret.data.get_or_insert_default();
    for (key, text) in texts {
        data.insert(key, k8s_openapi::ByteString(text.into_bytes()));
    }
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
