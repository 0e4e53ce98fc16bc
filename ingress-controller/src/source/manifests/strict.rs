//! Reading a tree as an object of a type, and naming what the API server would refuse in it.

use std::fmt::Write as _;

use ingress_core::{Finding, ObjectRef, Severity};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::kind::Kind;
use super::locate::{Place, Step};

/// A value that has not the type of its field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) steps: Vec<Step>,
    pub(super) message: String,
}

/// A number or boolean that stands, without quotes, where a text has to be, and was taken as the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repair {
    field: String,
    /// How it is written; `None` in a Secret.
    written: Option<String>,
}

impl Repair {
    pub(super) fn finding(&self, object: &ObjectRef) -> Finding {
        let what = self.written.as_deref().unwrap_or("a value");
        let message = format!("{what} stands here without quotes, which the API server refuses");
        let remedy = match &self.written {
            Some(written) => format!("write \"{written}\""),
            None => "put it in quotes".into(),
        };
        Finding::new(Severity::Warning, "NotAString", object.clone(), self.field.clone(), message, remedy)
    }
}

/// More of them than this, and the file is taken as broken.
const MOST_REPAIRS: usize = 64;

/// Reads a tree as a `T`. `place` tells where a field stands and how it is written.
pub(super) fn typed<T: DeserializeOwned>(
    kind: Kind,
    mut value: Value,
    place: &dyn Fn(&[Step]) -> Option<Place>,
) -> Result<(T, Vec<Repair>), Fault> {
    let mut repairs = Vec::new();
    let mut last: Option<Fault> = None;
    // Without tracking first: nearly all objects are good.
    if let Ok(object) = T::deserialize(&value) {
        return Ok((object, repairs));
    }
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(object) => return Ok((object, repairs)),
            Err(error) => error,
        };
        let steps = steps(error.path());
        if let Some(before) = last.take().filter(|before| before.steps == steps) {
            return Err(before);
        }
        let message = match kind {
            Kind::Secret => "is not what a Secret has here (not shown)".into(),
            _ => shortened(&error.into_inner().to_string()),
        };
        let fault = Fault { steps, message };
        let Some(scalar @ (Value::Bool(_) | Value::Number(_))) = at(&mut value, &fault.steps) else {
            return Err(fault);
        };
        if repairs.len() == MOST_REPAIRS {
            return Err(fault);
        }
        let written =
            place(&fault.steps).and_then(|place| place.written).unwrap_or_else(|| scalar.to_string());
        *scalar = Value::String(written.clone());
        let written = (kind != Kind::Secret).then_some(written);
        repairs.push(Repair { field: field(&fault.steps), written });
        last = Some(fault);
    }
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

fn at<'v>(value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

fn shortened(message: &str) -> String {
    const MOST: usize = 200;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// A path as messages write it: `spec.rules[0].host`.
pub(super) fn field(steps: &[Step]) -> String {
    let mut field = String::new();
    for step in steps {
        match step {
            Step::Key(key) if field.is_empty() => field.push_str(key),
            Step::Key(key) => {
                field.push('.');
                field.push_str(key);
            }
            Step::Index(index) => {
                let _ = write!(field, "[{index}]");
            }
        }
    }
    field
}

/// The path that [`field`] wrote, where no key has a dot or a bracket in it.
pub(super) fn steps_of(field: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in field.split(['.', '[']).filter(|part| !part.is_empty()) {
        steps.push(match part.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => Step::Index(index),
            None => Step::Key(part.to_owned()),
        });
    }
    steps
}

/// The fields that the type does not have: nearly always a typing error, which the API server refuses.
pub(super) fn unknown_fields<T: Serialize>(original: &Value, read: &T, object: &ObjectRef) -> Vec<Finding> {
    let Ok(read) = serde_json::to_value(read) else { return Vec::new() };
    let mut fields = Vec::new();
    missing(original, &read, &mut Vec::new(), &mut fields);
    let finding = |field: String| {
        Finding::new(
            Severity::Warning,
            "UnknownField",
            object.clone(),
            field,
            "there is no such field, it is not read, and the API server refuses it",
            "correct its name or its place, or remove it",
        )
    };
    fields.into_iter().map(finding).collect()
}

fn missing(original: &Value, read: &Value, steps: &mut Vec<Step>, fields: &mut Vec<String>) {
    match (original, read) {
        (Value::Object(original), Value::Object(read)) => {
            for (key, value) in original {
                steps.push(Step::Key(key.clone()));
                match read.get(key) {
                    Some(read) => missing(value, read, steps, fields),
                    None if is_empty(value) => {}
                    None => fields.push(field(steps)),
                }
                steps.pop();
            }
        }
        (Value::Array(original), Value::Array(read)) => {
            for (index, (original, read)) in original.iter().zip(read).enumerate() {
                steps.push(Step::Index(index));
                missing(original, read, steps, fields);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

/// For an object of a version that the API server does not have any more.
pub(super) fn old_version(object: &ObjectRef, old: &Value, version: &'static str) -> Finding {
    Finding::new(
        Severity::Warning,
        "OldVersion",
        object.clone(),
        "apiVersion",
        format!("{old} is an old version, which the API server refuses"),
        format!("write \"{version}\""),
    )
}
