//! The short way from a tree to an object, for one of which nothing is to be said: all values are of the type of their field, and there are
//! no other fields. Nearly all objects are so.

use std::cell::Cell;
use std::slice;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::Tree;

/// Reads a tree as a `T`; `None` for one that is not sound.
pub(super) fn read<T: DeserializeOwned>(tree: &Tree<'_>) -> Option<T> {
    let ignored = Cell::new(false);
    let object = T::deserialize(Node { tree, ignored: &ignored }).ok()?;
    (!ignored.get()).then_some(object)
}

/// A value as serde reads it.
#[derive(Clone, Copy)]
struct Node<'n, 't> {
    tree: &'n Tree<'t>,
    /// There is a field that the type does not have, and something in it.
    ignored: &'n Cell<bool>,
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(is) => visitor.visit_bool(*is),
            Tree::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Tree::Text(text) => visitor.visit_str(text),
            Tree::Sequence(items) => visitor.visit_seq(Items { items: items.iter(), ignored: self.ignored }),
            Tree::Map(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), value: None, ignored: self.ignored })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.tree {
            Tree::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.tree.is_empty() {
            self.ignored.set(true);
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

struct Items<'n, 't> {
    items: slice::Iter<'n, Tree<'t>>,
    ignored: &'n Cell<bool>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let item = self.items.next();
        item.map(|tree| seed.deserialize(Node { tree, ignored: self.ignored })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'n, 't> {
    entries: slice::Iter<'n, (std::borrow::Cow<'t, str>, Tree<'t>)>,
    /// That of the last key.
    value: Option<&'n Tree<'t>>,
    ignored: &'n Cell<bool>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        // serde asks for a value only after its key.
        let tree = self.value.take().unwrap_or(&Tree::Null);
        seed.deserialize(Node { tree, ignored: self.ignored })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Secret, Service};
    use k8s_openapi::api::networking::v1::Ingress;
    use serde_json::Value;

    use super::*;

    fn ingress(changed: &str, into: &str) -> String {
        let text = r#"{
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "web", "annotations": {"a": "1"}, "creationTimestamp": null, "generation": 4},
            "spec": {"rules": [{"host": "a.test", "http": {"paths": [
                {"path": "/", "pathType": "Exact", "backend": {"service": {"name": "a", "port": {"number": 80}}}}
            ]}}]},
            "status": {"loadBalancer": {}}
        }"#;
        assert!(text.contains(changed), "{changed}");
        text.replace(changed, into)
    }

    /// What the short way gives, which has to be what the long way gives.
    fn is_sound<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) -> bool {
        let tree: Tree<'_> = serde_json::from_str(text).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(tree.to_value(), value);
        let sound = read::<T>(&tree);
        if let Some(sound) = &sound {
            assert_eq!(*sound, serde_json::from_value::<T>(value).unwrap(), "{text}");
        }
        sound.is_some()
    }

    #[test]
    fn what_is_sound_is_read_as_the_long_way_reads_it() {
        for (changed, into) in [
            ("", ""),
            ("80", "2147483647"),
            ("\"1\"", "\"\""),
            ("\"name\": \"web\"", "\"name\": \"web\", \"nothing\": {\"a\": [null, {}]}"),
            (
                "\"generation\": 4",
                "\"generation\": 4, \"generation\": 5, \"labels\": {\"a\": \"1\", \"a\": \"2\"}",
            ),
            ("\"rules\": [", "\"tls\": null, \"rules\": ["),
        ] {
            assert!(is_sound::<Ingress>(&ingress(changed, into)), "{into}");
        }
        let service = r#"{"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1, "targetPort": 2}, {"port": 3,
            "targetPort": "http"}], "publishNotReadyAddresses": true, "sessionAffinityConfig": {}}}"#;
        assert!(is_sound::<Service>(service));
        assert!(is_sound::<Secret>(r#"{"metadata": {"name": "a"}, "data": {"k": "aGk="}, "type": "x"}"#));
    }

    #[test]
    fn what_is_not_sound_is_left_to_the_long_way() {
        for (changed, into) in [
            ("\"1\"", "1"),
            ("80", "\"80\""),
            ("80", "80.5"),
            ("80", "2147483648"),
            ("\"Exact\"", "false"),
            ("\"host\"", "\"hots\""),
            ("networking.k8s.io/v1", "networking.k8s.io/v2"),
            ("\"kind\": \"Ingress\"", "\"kind\": \"Service\""),
            ("\"rules\": [", "\"rule\": [{\"host\": \"b.test\"}], \"rules\": ["),
        ] {
            assert!(!is_sound::<Ingress>(&ingress(changed, into)), "{into}");
        }
        assert!(!is_sound::<Secret>(r#"{"metadata": {"name": "a"}, "data": {"k": "no base64"}}"#));
    }
}
