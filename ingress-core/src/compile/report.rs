//! What the compile refused or changed.

use std::borrow::Cow;
use std::fmt;

use crate::route::ObjectName;

/// The result of a compile in words: for logs, events and the start-up summary. Ordered, so that equal inputs give equal reports.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Defects of objects that are ours.
    pub findings: Vec<Finding>,
    /// Ingresses that were left alone because they are not ours, each with the reason. Nothing is written to such objects.
    pub skipped: Vec<Skipped>,
    /// How many Ingresses are served.
    pub ingresses: usize,
    /// All Ingresses that are ours, in their order by name: those that are served, and those that something keeps from being served, such
    /// as canaries. Status and events are written to these and to no others.
    pub ours: Vec<ObjectName>,
}

impl Report {
    /// Brings it into its order.
    pub(super) fn settle(&mut self) {
        self.findings.sort();
        self.findings.dedup();
        self.skipped.sort();
        self.ours.sort_unstable();
    }

    /// Takes findings out and puts others in.
    pub(super) fn replace(&mut self, mut gone: Vec<Finding>, mut new: Vec<Finding>) {
        gone.sort_unstable();
        new.sort_unstable();
        if gone == new {
            return;
        }
        self.findings.retain(|finding| gone.binary_search(finding).is_err());
        self.findings.append(&mut new);
        self.findings.sort();
        self.findings.dedup();
    }

    /// Takes over whether an Ingress is ours, by a report of a part that it is in, or was.
    pub(super) fn take_membership(&mut self, ingress: &ObjectName, part: &Self) {
        match (self.ours.binary_search(ingress), part.is_ours(ingress)) {
            (Ok(at), false) => drop(self.ours.remove(at)),
            (Err(at), true) => self.ours.insert(at, ingress.clone()),
            _ => {}
        }
        let place = |skipped: &[Skipped]| {
            let object = ("ingress", &*ingress.namespace, &*ingress.name);
            skipped.binary_search_by(|held| {
                let held = &held.object;
                (held.kind, &*held.namespace, &*held.name).cmp(&object)
            })
        };
        if let Ok(at) = place(&self.skipped) {
            self.skipped.remove(at);
        }
        let skipped = place(&part.skipped).ok().and_then(|at| part.skipped.get(at));
        if let (Some(skipped), Err(at)) = (skipped, place(&self.skipped)) {
            self.skipped.insert(at, skipped.clone());
        }
    }

    /// True if an Ingress is ours.
    pub(super) fn is_ours(&self, ingress: &ObjectName) -> bool {
        self.ours.binary_search(ingress).is_ok()
    }
}

/// An Ingress that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Skipped {
    /// The Ingress.
    pub object: ObjectRef,
    /// Why it is left alone, and what would have it served.
    pub reason: String,
}

/// Names an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The kind in lower case, as in a message: `ingress`, `service`.
    pub kind: &'static str,
    /// The namespace; empty for an object without one.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// Names an object by its kind in lower case, its namespace (empty for an object without one) and its name.
    #[must_use]
    pub fn new(kind: &'static str, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = plain(&self.name);
        match &*plain(&self.namespace) {
            "" => write!(f, "{} {name}", self.kind),
            namespace => write!(f, "{} {namespace}/{name}", self.kind),
        }
    }
}

/// The text with control characters escaped: whoever writes an object must not write lines of a log.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// How much of the object is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// Something is not served as the object asks.
    Error,
    /// All is served, but something should be changed.
    Warning,
}

/// One defect: which object and field, what is wrong, and the way out.
///
/// Displays as ``ingress shop/web: spec.rules[0].host: "a b" is not a DNS name …; use …``.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Finding {
    /// The object that has the defect.
    pub object: ObjectRef,
    /// The field, as a path from the root of the object; empty if it is the object as a whole.
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// A short fixed word for metrics and events, in upper camel case: `UnknownPort`.
    pub reason: &'static str,
    /// What is wrong, with the value, and what becomes of it. Lower case, no full stop. Never holds the content of a Secret.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A finding about a field of an object. Control characters in the texts are escaped.
    #[must_use]
    pub fn new(
        severity: Severity,
        reason: &'static str,
        object: ObjectRef,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let clean = |text: String| match plain(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(escaped) => escaped,
        };
        let (field, message, remedy) = (clean(field.into()), clean(message.into()), clean(remedy.into()));
        Self { object, field, severity, reason, message, remedy }
    }
}

/// A value of an object as a message shows it: quoted, control bytes escaped, cut where it gets long.
pub(super) fn quoted(value: &str) -> String {
    const MOST: usize = 80;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}… ({} bytes)", value.get(..end).unwrap_or_default(), value.len()),
        None => format!("{value:?}"),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.object)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_a_line_of_their_own() {
        let object = ObjectRef::new("ingress", "a\n", "b\u{1b}[0m");
        let finding = Finding::new(Severity::Error, "Test", object, "x\ny", "é\r", "");
        assert_eq!(finding.to_string(), "ingress a\\n/b\\u{1b}[0m: x\\ny: é\\r");
        assert_eq!(quoted("a\n"), "\"a\\n\"");
        assert_eq!(quoted(&"é".repeat(81)), format!("{:?}… (162 bytes)", "é".repeat(80)));
    }
}
