//! Taking values out of the data, one kind of value at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;

use super::Defect;
use crate::annotation::{Invalid, RETRY_TIMEOUT, SECONDS};
use crate::route::ObjectName;
use crate::value::{boolean, list, number, seconds, some_seconds};

/// Reads values; what cannot be read leaves its field as it is, and is noted.
pub(super) struct Reader<'d> {
    data: &'d BTreeMap<String, String>,
    pub(super) defects: Vec<Defect>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(data: &'d BTreeMap<String, String>) -> Self {
        Self { data, defects: Vec::new() }
    }

    /// The value of a key, without the blanks around it.
    pub(super) fn written(&self, name: &str) -> Option<&'d str> {
        self.data.get(name).map(|text| text.trim())
    }

    /// The value of a key, without the blanks around it; an empty one is as if it were not there.
    pub(super) fn text(&self, name: &str) -> Option<&'d str> {
        self.written(name).filter(|text| !text.is_empty())
    }

    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        field: &mut T,
    ) {
        let Some(text) = self.text(name) else { return };
        match parse(text) {
            Some(value) => *field = value,
            None => self.invalid(Invalid::new(name, expected, text)),
        }
    }

    pub(super) fn boolean(&mut self, name: &'static str, field: &mut bool) {
        self.value(name, "true or false", boolean, field);
    }

    pub(super) fn is_true(&mut self, name: &'static str) -> bool {
        let mut value = false;
        self.boolean(name, &mut value);
        value
    }

    pub(super) fn some_seconds(&mut self, name: &'static str, field: &mut Duration) {
        self.value(name, SECONDS, some_seconds, field);
    }

    /// Zero has a meaning of its own.
    pub(super) fn seconds(&mut self, name: &'static str, field: &mut Duration) {
        let expected = match name {
            "proxy-next-upstream-timeout" => RETRY_TIMEOUT,
            _ => "whole seconds without a unit, such as \"60\"",
        };
        self.value(name, expected, seconds, field);
    }

    pub(super) fn number<T: From<u32>>(&mut self, name: &'static str, expected: &'static str, field: &mut T) {
        self.value(name, expected, |text| number(text).map(T::from), field);
    }

    pub(super) fn header(&mut self, name: &'static str, field: &mut HeaderName) {
        self.value(name, "the name of a header", |text| text.parse().ok(), field);
    }

    pub(super) fn object(&mut self, name: &'static str) -> Option<ObjectName> {
        let mut object = None;
        let parse = |text: &str| {
            let (namespace, name) = text.split_once('/')?;
            let whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
            whole.then(|| Some(ObjectName { namespace: namespace.into(), name: name.into() }))
        };
        self.value(name, "namespace/name of a ConfigMap", parse, &mut object);
        object
    }

    /// A list of which the entries that cannot be read are left out.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut entries = Vec::new();
        for entry in self.text(name).into_iter().flat_map(list) {
            match parse(entry) {
                Some(value) => entries.push(value),
                None => {
                    let instead = "this entry is left out";
                    self.invalid(Invalid { instead, ..Invalid::new(name, expected, entry) });
                }
            }
        }
        entries
    }

    pub(super) fn invalid(&mut self, invalid: Invalid) {
        self.defects.push(Defect::Invalid(invalid));
    }
}
