//! The paths of one host: patterns, and the trie that finds the longest of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::normalize::{PathError, normalize};
use super::rank::{Node, owner};
use super::{BuildError, Route};

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
        // The trie is as deep as its longest path, and is dropped node by node on the stack.
        const LONGEST: usize = 2048;
        if path.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let path = if path.is_empty() { "/" } else { path };
        let normal = match normalize(path) {
            // A lone `%` is what somebody wrote who did not think of escapes; a request has to send it as `%25`.
            Err(PathError::Escape) => normalize(&path.replace('%', "%25"))?.as_ref().into(),
            normal => normal?.as_ref().into(),
        };
        Ok(Self { exact, written: path.into(), normal })
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

    /// Where the pattern enters the trie, with its matchit route.
    fn nodes(&self) -> Vec<(Node, String)> {
        let escaped = self.normal.replace('{', "{{").replace('}', "}}");
        if self.exact {
            let node = if self.ends_with_slash() { Node::Slash } else { Node::Bare };
            return vec![(node, escaped)];
        }
        let base = escaped.trim_end_matches('/');
        let mut nodes = vec![(Node::Slash, format!("{base}/")), (Node::Below, format!("{base}/{{*rest}}"))];
        if !base.is_empty() {
            nodes.push((Node::Bare, base.to_owned()));
        }
        nodes
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// All routes of one host. Built once, never changed; shared by the snapshots in which the host is the same.
#[derive(Debug, Default)]
pub struct HostRoutes {
    routes: Box<[Arc<Route>]>,
    trie: matchit::Router<u32>,
}

impl HostRoutes {
    /// Builds the trie. The routes are put in one order first, so that equal sets are equal tables; those that an earlier state of the
    /// host has too are taken from there.
    pub(super) fn build(mut routes: Vec<Arc<Route>>, earlier: Option<&Self>) -> Result<Self, BuildError> {
        routes.sort_by(by_path);
        for route in &mut routes {
            if let Some(same) = earlier.and_then(|earlier| earlier.same(route)) {
                *route = same.clone();
            }
        }
        let mut nodes: BTreeMap<String, (Node, u32)> = BTreeMap::new();
        for (index, route) in (0u32..).zip(&routes) {
            for (node, text) in route.path.nodes() {
                let wins = match nodes.get(&text).and_then(|(_, held)| routes.get(*held as usize)) {
                    None => Ordering::Greater,
                    Some(held) => owner(node, &route.path, &held.path),
                };
                match wins {
                    Ordering::Greater => drop(nodes.insert(text, (node, index))),
                    Ordering::Less => {}
                    Ordering::Equal => return Err(BuildError::duplicate(route)),
                }
            }
        }
        let mut trie = matchit::Router::new();
        for (text, (_, index)) in nodes {
            trie.insert(text, index).map_err(|error| BuildError::Trie(error.to_string()))?;
        }
        Ok(Self { routes: routes.into(), trie })
    }

    fn same(&self, route: &Arc<Route>) -> Option<&Arc<Route>> {
        let index = self.routes.binary_search_by(|held| by_path(held, route)).ok()?;
        self.routes.get(index).filter(|held| *held == route)
    }

    /// The route of a normalised path.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        let found = self.trie.at(path).ok()?;
        self.routes.get(*found.value as usize)
    }

    /// True if a build of these routes would give this table again.
    pub(super) fn holds(&self, routes: &[Arc<Route>]) -> bool {
        let mut routes: Vec<_> = routes.iter().collect();
        routes.sort_by(|a, b| by_path(a, b));
        self.routes.iter().eq(routes)
    }

    /// The routes, ordered by path.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }
}

fn by_path(a: &Arc<Route>, b: &Arc<Route>) -> Ordering {
    (&a.path.normal, a.path.exact).cmp(&(&b.path.normal, b.path.exact))
}

impl PartialEq for HostRoutes {
    fn eq(&self, other: &Self) -> bool {
        self.routes == other.routes
    }
}

impl Eq for HostRoutes {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Backend, HostPattern};

    fn host(paths: &[(&str, bool)]) -> HostRoutes {
        let route = |&(path, exact): &(&str, bool)| {
            let pattern = PathPattern::new(path, exact).unwrap();
            Arc::new(Route::new(HostPattern::Any, pattern, Backend::Upstream("u".into())))
        };
        HostRoutes::build(paths.iter().map(route).collect(), None).unwrap()
    }

    fn found<'a>(host: &'a HostRoutes, path: &str) -> Option<(&'a str, bool)> {
        host.find(path).map(|route| (route.path.as_str(), route.path.is_exact()))
    }

    #[test]
    fn prefix_matches_element_by_element() {
        let host = host(&[("/foo", false)]);
        for path in ["/foo", "/foo/", "/foo/bar", "/foo/bar/"] {
            assert_eq!(found(&host, path), Some(("/foo", false)), "{path}");
        }
        for path in ["/", "/foobar", "/fo", "/Foo", "/bar/foo"] {
            assert_eq!(found(&host, path), None, "{path}");
        }
    }

    #[test]
    fn exact_owns_its_path_and_prefix_the_rest() {
        let host = host(&[("/foo", false), ("/foo", true), ("/", false), ("/foo/", true)]);
        assert_eq!(found(&host, "/foo"), Some(("/foo", true)));
        assert_eq!(found(&host, "/foo/"), Some(("/foo/", true)));
        assert_eq!(found(&host, "/foo/x"), Some(("/foo", false)));
        assert_eq!(found(&host, "/x"), Some(("/", false)));
    }

    #[test]
    fn a_trailing_slash_splits_two_prefixes() {
        let both = host(&[("/foo", false), ("/foo/", false)]);
        assert_eq!(found(&both, "/foo"), Some(("/foo", false)));
        assert_eq!(found(&both, "/foo/"), Some(("/foo/", false)));
        assert_eq!(found(&both, "/foo/x"), Some(("/foo/", false)));
        assert_eq!(found(&host(&[("/foo/", false)]), "/foo"), Some(("/foo/", false)));
    }

    #[test]
    fn braces_stars_spaces_and_percent_are_plain_text() {
        let host = host(&[("/a b{c}", false), ("/{*rest}", true), ("/100%", true), ("/x%20y", true)]);
        assert_eq!(found(&host, "/a b{c}/d"), Some(("/a b{c}", false)));
        assert_eq!(found(&host, "/{*rest}"), Some(("/{*rest}", true)));
        assert_eq!(found(&host, "/100%25"), Some(("/100%", true)));
        assert_eq!(found(&host, "/x y"), Some(("/x%20y", true)));
        assert_eq!(found(&host, "/anything"), None);
    }
}
