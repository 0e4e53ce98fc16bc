//! The routes of one host.

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use super::paths::{PathSets, Paths};
use super::{BuildError, Route};
use crate::shards::{Keyed, Shards};

/// All routes of one host. Built once, never changed; shared by the snapshots in which the host is the same.
///
/// Name and routes of a common host lie within this allocation: what a request to a host that was not asked for lately costs is the
/// number of places in memory that it has to wait for.
#[derive(Debug)]
pub struct HostRoutes {
    /// The name as it is looked up: without the `*.` of a wildcard, empty for the routes of all hosts.
    name: SmallVec<[u8; 36]>,
    paths: Arc<Paths>,
    /// Ordered by path.
    routes: SmallVec<[Arc<Route>; 4]>,
}

impl HostRoutes {
    /// Puts the routes in one order, so that equal sets are equal tables. Those that an earlier state of the host has too are taken from
    /// there.
    pub(super) fn build(
        name: &str,
        mut routes: Vec<Arc<Route>>,
        earlier: Option<&Self>,
        sets: &mut PathSets,
    ) -> Result<Self, BuildError> {
        routes.sort_by(by_path);
        for route in &mut routes {
            if let Some(same) = earlier.and_then(|earlier| earlier.same(route)) {
                *route = same.clone();
            }
        }
        let paths = match earlier {
            Some(earlier) if earlier.has_paths_of(&routes) => earlier.paths.clone(),
            _ => sets.get(&routes)?,
        };
        Ok(Self { name: SmallVec::from_slice(name.as_bytes()), paths, routes: routes.into_iter().collect() })
    }

    fn has_paths_of(&self, routes: &[Arc<Route>]) -> bool {
        self.routes.iter().map(|route| route.path.key()).eq(routes.iter().map(|route| route.path.key()))
    }

    fn same(&self, route: &Arc<Route>) -> Option<&Arc<Route>> {
        let index = self.routes.binary_search_by(|held| by_path(held, route)).ok()?;
        self.routes.get(index).filter(|held| *held == route)
    }

    /// The route of a normalised path.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.get(self.paths.find(path)?)
    }

    /// True if a build of these routes would give this table again.
    pub(super) fn holds(&self, routes: &[Arc<Route>]) -> bool {
        let mut routes: SmallVec<[&Arc<Route>; 8]> = routes.iter().collect();
        routes.sort_by(|a, b| by_path(a, b));
        self.routes.iter().eq(routes)
    }

    pub(super) fn name(&self) -> &str {
        // It was made from a text.
        std::str::from_utf8(&self.name).unwrap_or_default()
    }

    /// The routes, ordered by path.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }
}

fn by_path(a: &Arc<Route>, b: &Arc<Route>) -> Ordering {
    a.path.key().cmp(&b.path.key())
}

impl PartialEq for HostRoutes {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.routes == other.routes
    }
}

impl Eq for HostRoutes {}

/// Hosts by name.
pub(super) type Hosts = Shards<Arc<HostRoutes>>;

impl Keyed for Arc<HostRoutes> {
    type Key = [u8];

    fn key(&self) -> &[u8] {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Backend, HostPattern, PathPattern};

    fn host(paths: &[(&str, bool)]) -> HostRoutes {
        let route = |&(path, exact): &(&str, bool)| {
            let pattern = if exact { PathPattern::exact(path) } else { PathPattern::prefix(path) }.unwrap();
            Arc::new(Route::new(HostPattern::Any, pattern, Backend::Upstream("u".into())))
        };
        HostRoutes::build("", paths.iter().map(route).collect(), None, &mut PathSets::default()).unwrap()
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

    #[test]
    fn the_deepest_paths_fit_on_a_small_stack() {
        let paths: Vec<_> = (1..2048).map(|length| format!("/{}", "a".repeat(length))).collect();
        let build = move || {
            let paths: Vec<_> = paths.iter().map(|path| (path.as_str(), false)).collect();
            let host = host(&paths);
            assert_eq!(found(&host, "/aaaa/b"), Some(("/aaaa", false)));
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(build).unwrap().join().unwrap();
    }

    #[test]
    fn hosts_with_the_same_paths_share_them() {
        let route = |path: &str| {
            let pattern = PathPattern::prefix(path).unwrap();
            Arc::new(Route::new(HostPattern::Any, pattern, Backend::Upstream("u".into())))
        };
        let mut sets = PathSets::default();
        let mut build = |name: &str, paths: &[&str], earlier: Option<&HostRoutes>| {
            let routes = paths.iter().map(|path| route(path)).collect();
            HostRoutes::build(name, routes, earlier, &mut sets).unwrap()
        };
        let a = build("a", &["/", "/x"], None);
        let b = build("b", &["/x", "//"], None);
        let c = build("c", &["/x"], None);
        assert!(Arc::ptr_eq(&a.paths, &b.paths) && !Arc::ptr_eq(&a.paths, &c.paths));
        let later = HostRoutes::build("c", vec![route("/x")], Some(&c), &mut PathSets::default()).unwrap();
        assert!(Arc::ptr_eq(&later.paths, &c.paths));
    }
}
