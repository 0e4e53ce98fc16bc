//! Which of two rules wins: the only place where precedence is written down.
//!
//! 1. The host comes first: exact, then wildcard, then the rules without a host ([`super::RouteTable::find`]).
//! 2. Among the paths of that host the longest match wins, and Exact wins over Prefix (Ingress API, `HTTPIngressPath`). The search
//!    finds the longest; what is left to decide is which rule owns a place there: [`owner`].
//! 3. Two objects that ask for the same host, path and path type: the older wins ([`Age`]).

use std::cmp::Ordering;

use super::path::PathPattern;

/// The three places of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// The path itself, without trailing slash: `/foo`.
    Bare,
    /// With a trailing slash: `/foo/`.
    Slash,
    /// Everything below: `/foo/…`.
    Below,
}

/// Orders two patterns that both match at a node: the greater owns it.
///
/// Exact before Prefix. Of Prefix `/foo` and Prefix `/foo/` the former owns the request `/foo`, the latter all from `/foo/` on, as the
/// API says of the two.
pub(super) fn owner(node: Node, a: &PathPattern, b: &PathPattern) -> Ordering {
    let bare = |pattern: &PathPattern| pattern.ends_with_slash() != (node == Node::Bare);
    a.is_exact().cmp(&b.is_exact()).then_with(|| bare(a).cmp(&bare(b)))
}

/// The age of an object, for conflicts. Ordered so that the **smaller wins**: first the older creation time, then the *greater*
/// `namespace/name`, as ingress-nginx decides. An object without creation time (one from a file) counts as older than any with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age<'a> {
    /// Seconds since the epoch.
    pub created: Option<i64>,
    /// Namespace of the object.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
}

impl Age<'_> {
    /// Compares the bytes of `namespace/name`.
    fn compare_names(&self, other: &Self) -> Ordering {
        if self.namespace == other.namespace {
            return self.name.cmp(other.name);
        }
        fn bytes<'a>(age: &Age<'a>) -> impl Iterator<Item = u8> + use<'a> {
            age.namespace.bytes().chain([b'/']).chain(age.name.bytes())
        }
        bytes(self).cmp(bytes(other))
    }
}

impl Ord for Age<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.created.cmp(&other.created).then_with(|| other.compare_names(self))
    }
}

impl PartialOrd for Age<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_object_wins_then_the_greater_name() {
        let age = |created, namespace, name| Age { created, namespace, name };
        assert!(age(Some(1), "a", "x") < age(Some(2), "b", "x"));
        assert!(age(Some(1), "b", "x") < age(Some(1), "a", "x"));
        assert!(age(Some(1), "a", "y") < age(Some(1), "a", "x"));
        assert!(age(None, "a", "x") < age(Some(0), "b", "x"));
        // The whole texts are compared: "a-b/x" is less than "a/x", as "-" comes before "/".
        assert!(age(None, "a", "x") < age(None, "a-b", "x"));
        assert!(age(None, "ab", "x") < age(None, "a", "x"));
    }
}
