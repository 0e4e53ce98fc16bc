//! The paths of a rule.

use std::fmt;
use std::sync::Arc;

use super::normalize::{PathError, normalize};
use super::rank::Node;

/// The paths that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    exact: bool,
    written: Arc<str>,
    normal: Arc<str>,
}

impl PathPattern {
    /// Exactly this path, case-sensitive (`pathType: Exact`).
    ///
    /// # Errors
    /// [`PathError`] if no request can ever have this path.
    pub fn exact(path: &str) -> Result<Self, PathError> {
        Self::new(path, true)
    }

    /// This path and all below it, element by element: `/foo` matches `/foo`, `/foo/` and `/foo/bar`, not `/foobar`; a trailing slash
    /// makes no difference (`pathType: Prefix`). An empty path is `/`.
    ///
    /// # Errors
    /// [`PathError`] if no request can ever have this path.
    pub fn prefix(path: &str) -> Result<Self, PathError> {
        Self::new(path, false)
    }

    fn new(path: &str, exact: bool) -> Result<Self, PathError> {
        const LONGEST: usize = 2048;
        if path.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let path = if path.is_empty() { "/" } else { path };
        let written: Arc<str> = path.into();
        let normal = match normalize(path) {
            // A lone `%` is what somebody wrote who did not think of escapes; a request has to send it as `%25`.
            Err(PathError::Escape) => normalize(&path.replace('%', "%25"))?.as_ref().into(),
            // Nearly all are written so.
            Ok(normal) if normal == path => written.clone(),
            normal => normal?.as_ref().into(),
        };
        Ok(Self { exact, written, normal })
    }

    /// The path as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The path in the form in which it is compared with requests; two patterns of one kind with the same normal form are one.
    pub fn normal(&self) -> &str {
        &self.normal
    }

    /// True for an Exact path, false for a Prefix.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    pub(super) fn ends_with_slash(&self) -> bool {
        self.normal.ends_with('/')
    }

    /// Orders patterns, and tells whether they match the same requests: the written form does not matter.
    pub(super) fn key(&self) -> (&str, bool) {
        (&self.normal, self.exact)
    }

    /// The normal form without the slash at its end.
    pub(super) fn base(&self) -> &[u8] {
        self.normal.trim_end_matches('/').as_bytes()
    }

    /// Where it matches, seen from its [`base`](Self::base).
    pub(super) fn nodes(&self) -> &'static [Node] {
        match (self.exact, self.ends_with_slash()) {
            (true, true) => &[Node::Slash],
            (true, false) => &[Node::Bare],
            (false, _) => &[Node::Bare, Node::Slash, Node::Below],
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
