//! Where in a text a field stands. Needed for messages alone, so the text is read a second time and only when there is something to say.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::document::options;

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Where a value stands and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
    /// The value as the file writes it, where that is on its own.
    pub(super) written: Option<String>,
}

/// The place of every value of a text.
#[derive(Debug, Default)]
pub(super) struct Places {
    documents: Vec<Spanned<Node>>,
}

impl Places {
    /// Reads a text (JSON is YAML too). One that cannot be read has no places.
    pub(super) fn read(text: &str) -> Self {
        Self { documents: serde_saphyr::from_multiple_with_options(text, options(text)).unwrap_or_default() }
    }

    /// The place of the value at the end of `steps`, or of the last one on the way that is there.
    pub(super) fn find(&self, text: &str, document: usize, steps: &[Step]) -> Option<Place> {
        let mut at = self.documents.get(document)?;
        let mut complete = true;
        for step in steps {
            match at.value.child(step) {
                Some(child) => at = child,
                None => {
                    complete = false;
                    break;
                }
            }
        }
        let span = at.referenced.span();
        let written = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
            text.get(start..end).filter(|written| !written.is_empty()).map(str::to_owned)
        };
        Some(Place {
            line: at.referenced.line(),
            column: at.referenced.column(),
            written: complete.then(written).flatten(),
        })
    }
}

#[derive(Debug)]
enum Node {
    Mapping(Vec<(String, Spanned<Node>)>),
    Sequence(Vec<Spanned<Node>>),
    Scalar,
}

impl Node {
    fn child(&self, step: &Step) -> Option<&Spanned<Node>> {
        match (self, step) {
            (Self::Mapping(entries), Step::Key(name)) => {
                entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            (Self::Sequence(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Mapping(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_with_the_way_it_is_written() {
        let text = "a: é\n---\nb:\n- c: 0755\n  d: {e: yes}\n";
        let places = Places::read(text);
        let key = |name: &str| Step::Key(name.into());
        let find = |steps: &[Step]| places.find(text, 1, steps).unwrap();
        let octal = find(&[key("b"), Step::Index(0), key("c")]);
        assert_eq!(octal, Place { line: 4, column: 6, written: Some("0755".into()) });
        let word = find(&[key("b"), Step::Index(0), key("d"), key("e")]);
        assert_eq!(word, Place { line: 5, column: 10, written: Some("yes".into()) });
        let missing = find(&[key("b"), Step::Index(0), key("x")]);
        assert_eq!(missing, Place { line: 4, column: 3, written: None });
        assert_eq!(places.find(text, 2, &[]), None);
    }

    #[test]
    fn json_has_places_too() {
        let text = "{\n  \"a\": [\n    true\n  ]\n}\n";
        let place = Places::read(text).find(text, 0, &[Step::Key("a".into()), Step::Index(0)]).unwrap();
        assert_eq!((place.line, place.column, place.written.as_deref()), (3, 5, Some("true")));
    }
}
