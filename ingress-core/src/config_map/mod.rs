//! The keys of ingress-nginx's ConfigMap (`--configmap`): which there are, and what becomes of them.
//!
//! [`TABLE`] is the one list: [`read`] goes by it, and documentation can be made from it. [`Global`] is what comes of the values.
//!
//! Security comes first here too: a key that keeps somebody out and is not enforced yet closes all routes; one that only changes an answer
//! is reported and ignored; and if the list of trusted proxies cannot be read, nobody is trusted.

mod edge;
mod global;
mod read;
mod reader;
mod streams;
mod table;
mod tls;

pub use global::Global;
pub use read::read;
pub use table::TABLE;

use crate::annotation::{Invalid, among};

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub effect: Effect,
    /// The value that holds without it, as one would write it; empty if there is none.
    pub default: &'static str,
    /// Other values that ask for what is done anyway, so that nothing needs to be said.
    pub neutral: &'static [&'static str],
    /// What it is for, in a few words.
    pub doc: &'static str,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It does what it does in ingress-nginx.
    Served,
    /// It keeps somebody out and is not enforced yet: all routes are closed.
    Guard,
    /// Not supported yet: reported and ignored.
    Later,
    /// Says more about another key, and goes its way.
    PartOf(&'static str),
    /// There is nothing to do for it here.
    Needless,
    /// nginx directives, or leave to write some. They are never run.
    Refused,
    /// Cannot be made safe: reported and ignored.
    Unsafe,
    /// nginx directives for all requests, which are never run. All routes are closed unless they are known to keep nobody out.
    Snippet,
    /// nginx directives for the level above all hosts, which are never run. All routes are closed if one is known to keep somebody out.
    HttpSnippet,
}

/// The key of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    let index = TABLE.binary_search_by(|key| key.name.cmp(name)).ok()?;
    TABLE.get(index)
}

/// The key that somebody meant by a misspelt name, if one is close.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    among(name, TABLE.iter().map(|key| key.name))
}

/// What is wrong with the data of the ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// A value, or a part of one, could not be read.
    Invalid(Invalid),
    /// These keys do not exist.
    Unknown(Vec<String>),
    /// These keys ask for something that is not supported yet.
    Later(Vec<&'static str>),
    /// This key is never honoured.
    Refused(&'static str),
    /// This key asks for something that cannot be made safe.
    Unsafe(&'static str),
    /// This key closes all routes, for this reason.
    Closes(&'static str, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_whole() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for key in TABLE {
            assert_eq!(find(key.name), Some(key));
            assert!(!key.doc.is_empty() && !key.doc.ends_with('.'), "{}", key.name);
            if let Effect::PartOf(other) = key.effect {
                assert!(find(other).is_some(), "{other}");
            }
        }
        assert_eq!(find("no-such"), None);
        assert_eq!(nearest("proxy-read-timeuot"), Some("proxy-read-timeout"));
    }
}
