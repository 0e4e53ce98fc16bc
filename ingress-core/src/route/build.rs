//! Making a [`RouteTable`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::paths::PathSets;
use super::{HostPattern, HostRoutes, Route, RouteTable};

/// Why a table or a snapshot could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two routes for the same host, path and kind of path.
    #[error("host {host}, path {path}: there are two routes; keep one")]
    Duplicate {
        /// The host of both.
        host: String,
        /// The path of both.
        path: String,
    },
    /// A route leads to an upstream that was not added.
    #[error("host {host}, path {path}: there is no upstream {upstream:?}; add it to the builder")]
    NoUpstream {
        /// The host of the route.
        host: String,
        /// The path of the route.
        path: String,
        /// The upstream that it names.
        upstream: String,
    },
    /// Two upstreams of one name.
    #[error("there are two upstreams {0:?}; keep one")]
    DuplicateUpstream(String),
    /// The paths of a host are more than 4 GiB.
    #[error("host {0}: its paths are more than 4 GiB; spread them over several hosts")]
    TooLarge(String),
}

impl BuildError {
    pub(super) fn duplicate(route: &Route) -> Self {
        Self::Duplicate { host: route.host.to_string(), path: route.path.to_string() }
    }

    pub(super) fn too_large(route: &Route) -> Self {
        Self::TooLarge(route.host.to_string())
    }
}

/// Collects routes, then builds the table.
#[derive(Debug, Default)]
#[must_use]
pub struct RouteTableBuilder {
    hosts: BTreeMap<HostPattern, Vec<Arc<Route>>>,
    default: Option<Arc<Route>>,
}

impl RouteTableBuilder {
    /// Adds a route to the host that it names.
    pub fn route(mut self, route: impl Into<Arc<Route>>) -> Self {
        let route = route.into();
        self.hosts.entry(route.host.clone()).or_default().push(route);
        self
    }

    /// Declares a host: it then exists without any route, so that its requests fall to the default route and not to a wildcard or to the
    /// routes for all hosts.
    pub fn host(mut self, host: HostPattern) -> Self {
        self.hosts.entry(host).or_default();
        self
    }

    /// What answers where no rule matches; without it that is 404.
    pub fn default_route(mut self, route: impl Into<Arc<Route>>) -> Self {
        self.default = Some(route.into());
        self
    }

    /// Builds the table.
    ///
    /// # Errors
    /// [`BuildError::Duplicate`] if two routes have the same host, path and kind of path.
    pub fn build(self) -> Result<RouteTable, BuildError> {
        self.build_from(&RouteTable::default())
    }

    /// Builds the table and takes over from an earlier one each host whose routes are the same, so that it is not built again.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_from(self, earlier: &RouteTable) -> Result<RouteTable, BuildError> {
        let (table, errors) = self.build_parts(earlier, &mut PathSets::default());
        errors.into_iter().next().map_or(Ok(table), |(_, error)| Err(error))
    }

    /// Builds what can be built. A host with an error has no routes.
    pub(crate) fn build_parts(
        self,
        earlier: &RouteTable,
        sets: &mut PathSets,
    ) -> (RouteTable, Vec<(HostPattern, BuildError)>) {
        let mut table = RouteTable { default: self.default, ..RouteTable::default() };
        let mut errors = Vec::new();
        for (pattern, routes) in self.hosts {
            let held = earlier.pattern(&pattern);
            if let Some(held) = held.filter(|held| held.holds(&routes)) {
                table.set(&pattern, Some(held.clone()));
                continue;
            }
            let name = pattern.name();
            let mut build = |routes| HostRoutes::build(name, routes, held.map(|held| &**held), sets);
            let built = build(routes).or_else(|error| {
                errors.push((pattern.clone(), error));
                build(Vec::new())
            });
            if let Ok(host) = built {
                table.set(&pattern, Some(Arc::new(host)));
            }
        }
        (table, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Backend, PathPattern};
    use super::*;

    fn route(host: &str, path: &str, upstream: &str) -> Route {
        let host = HostPattern::parse(host).unwrap();
        Route::new(host, PathPattern::prefix(path).unwrap(), Backend::Upstream(upstream.into()))
    }

    fn upstream<'t>(table: &'t RouteTable, host: &str, path: &str) -> Option<&'t str> {
        match &table.find(host, path)?.route.backend {
            Backend::Upstream(name) => Some(name),
            Backend::Denied(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn the_most_specific_host_decides_alone() {
        let table = RouteTable::builder()
            .route(route("a.b.com", "/x", "exact"))
            .route(route("*.b.com", "/", "wildcard"))
            .route(route("", "/", "any"))
            .build()
            .unwrap();
        assert_eq!(upstream(&table, "a.b.com", "/x"), Some("exact"));
        assert_eq!(upstream(&table, "a.b.com", "/y"), None);
        assert_eq!(upstream(&table, "c.b.com", "/y"), Some("wildcard"));
        for host in ["b.com", "x.c.b.com", ".b.com", "a~.b.com", "other"] {
            assert_eq!(upstream(&table, host, "/y"), Some("any"), "{host}");
        }
    }

    #[test]
    fn unchanged_hosts_stay_as_they_are() {
        let builder = |b: &str| RouteTable::builder().route(route("a", "/", "one")).route(route("b", "/", b));
        let first = builder("two").build().unwrap();
        let second = builder("three").build_from(&first).unwrap();
        assert!(Arc::ptr_eq(first.host("a").unwrap(), second.host("a").unwrap()));
        assert_eq!(upstream(&second, "b", "/"), Some("three"));
        assert_ne!(first, second);
        assert_eq!(first, builder("two").build().unwrap());
    }

    #[test]
    fn a_declared_host_hides_less_specific_ones() {
        let table = RouteTable::builder()
            .host(HostPattern::parse("a.b.com").unwrap())
            .route(route("*.b.com", "/", "wildcard"))
            .build()
            .unwrap();
        assert_eq!(upstream(&table, "a.b.com", "/"), None);
        assert_eq!(upstream(&table, "c.b.com", "/"), Some("wildcard"));
    }

    #[test]
    fn a_changed_host_keeps_its_unchanged_routes() {
        let builder =
            |other: &str| RouteTable::builder().route(route("a", "/", "one")).route(route("a", "/x", other));
        let first = builder("two").build().unwrap();
        let second = builder("three").build_from(&first).unwrap();
        let at = |table: &RouteTable, path: &str| table.find("a", path).unwrap().route.clone();
        assert!(Arc::ptr_eq(&at(&first, "/"), &at(&second, "/")));
        assert_ne!(at(&first, "/x"), at(&second, "/x"));
    }

    #[test]
    fn two_routes_for_one_path_are_an_error() {
        let twice = RouteTable::builder().route(route("a", "/x", "one")).route(route("a", "/x", "two"));
        let error = twice.build().unwrap_err();
        assert_eq!(error.to_string(), "host a, path /x: there are two routes; keep one");
    }
}
