//! Which objects a list or a watch is about: a namespace, labels, fields.

use serde_json::Value;

use super::kinds::Kind;
use super::object::{Stored, meta};
use super::status::Failure;

#[derive(Debug)]
enum Requirement {
    In(String, Vec<String>),
    /// Also true where the label is not there.
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A field, whether it must equal, and the value.
type Field = (String, bool, String);

/// What a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<Field>,
}

impl Selection {
    /// Parses the selectors of a request for objects of `kind`; None and the empty text select everything.
    pub(crate) fn parse(
        kind: &Kind,
        namespace: Option<&str>,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, Failure> {
        let namespace = namespace.map(str::to_owned);
        let labels = split(labels.unwrap_or_default()).map(requirement).collect::<Result<_, _>>()?;
        let fields =
            split(fields.unwrap_or_default()).map(|text| field(kind, text)).collect::<Result<_, _>>()?;
        Ok(Self { namespace, labels, fields })
    }

    /// True if there are no selectors.
    pub(crate) fn is_plain(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that is asked for, if there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(path, equal, _)| path == "metadata.name" && *equal).map(|(_, _, name)| name.as_str())
    }

    pub(crate) fn matches(&self, object: &Stored) -> bool {
        if self.namespace.as_ref().is_some_and(|namespace| *namespace != object.key.0) {
            return false;
        }
        // Names are known without parsing.
        if self.name().is_some_and(|name| name != object.key.1) {
            return false;
        }
        self.is_plain() || self.matches_value(&object.value())
    }

    fn matches_value(&self, object: &Value) -> bool {
        let label = |name: &str| object["metadata"]["labels"][name].as_str();
        let labels = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(name, values) => {
                label(name).is_some_and(|label| values.iter().any(|value| value == label))
            }
            Requirement::NotIn(name, values) => {
                label(name).is_none_or(|label| values.iter().all(|value| value != label))
            }
            Requirement::Exists(name) => label(name).is_some(),
            Requirement::Absent(name) => label(name).is_none(),
        });
        labels && self.fields.iter().all(|(path, equal, value)| (field_of(object, path) == value) == *equal)
    }
}

fn field_of<'a>(object: &'a Value, path: &str) -> &'a str {
    match path {
        "metadata.name" => meta(object, "name"),
        "metadata.namespace" => meta(object, "namespace"),
        path => path.split('.').fold(object, |object, name| &object[name]).as_str().unwrap_or_default(),
    }
}

/// The parts between commas that stand outside parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let parts = text.split(move |character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        character == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

fn requirement(text: &str) -> Result<Requirement, Failure> {
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((name, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(name.trim().to_owned(), one(value)));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(name.trim().to_owned(), one(value)));
    }
    if let Some((head, set)) = text.split_once('(') {
        let values = set.trim_end_matches(')').split(',').map(|value| value.trim().to_owned()).collect();
        return match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [name, "in"] => Ok(Requirement::In((*name).to_owned(), values)),
            [name, "notin"] => Ok(Requirement::NotIn((*name).to_owned(), values)),
            _ => Err(Failure::bad_request(format!("unable to parse requirement: {text}"))),
        };
    }
    match text.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent(name.trim().to_owned())),
        None => Ok(Requirement::Exists(text.to_owned())),
    }
}

fn field(kind: &Kind, text: &str) -> Result<Field, Failure> {
    let (path, equal, value) = if let Some((path, value)) = text.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (path, true, value)
    } else {
        return Err(Failure::bad_request(format!("invalid selector: {text:?}; can't understand it")));
    };
    let known = match kind.plural {
        _ if matches!(path, "metadata.name" | "metadata.namespace") => true,
        "secrets" => path == "type",
        "pods" => matches!(path, "status.phase" | "spec.nodeName"),
        "namespaces" => path == "status.phase",
        "events" => path.starts_with("involvedObject.") || matches!(path, "reason" | "type"),
        _ => false,
    };
    if known {
        Ok((path.to_owned(), equal, value.to_owned()))
    } else {
        Err(Failure::bad_request(format!("field label not supported: {path}")))
    }
}
