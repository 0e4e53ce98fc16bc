//! From host and path to a route.
//!
//! [`RouteTable::find`] looks the host up in a hash map and the path in the sorted paths of that host, so its cost does not grow with the
//! number of hosts. Hosts with the same paths share them. Which rule wins is written down in `rank.rs` alone.

mod build;
mod host;
mod hosts;
mod normalize;
mod path;
mod paths;
mod rank;

use std::sync::Arc;

pub use build::{BuildError, RouteTableBuilder};
pub use host::{HostError, HostPattern, Server, canonical_host};
pub use hosts::HostRoutes;
pub use normalize::{PathError, normalize};
pub use path::PathPattern;
pub use rank::Age;

use self::hosts::Hosts;
#[cfg(feature = "kubernetes")]
pub(crate) use self::paths::PathSets;
use crate::policy::{Https, RequestBody, Retry, Timeouts, Transport};

/// What a rule leads to: a backend, and the policies that hold on the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The hosts of the rule.
    pub host: HostPattern,
    /// The paths of the rule.
    pub path: PathPattern,
    /// Who answers.
    pub backend: Backend,
    /// The object that the rule stands in; `None` for a route made by hand.
    pub ingress: Option<ObjectName>,
    /// How long the upstream side may take.
    pub timeouts: Timeouts,
    /// When another endpoint is tried.
    pub retry: Retry,
    /// How large the body of a request may be.
    pub request_body: RequestBody,
    /// What becomes of requests that came without TLS.
    pub https: Https,
    /// How the endpoints are spoken to.
    pub transport: Transport,
}

impl Route {
    /// A route with default policies that belongs to no Ingress.
    #[must_use]
    pub fn new(host: HostPattern, path: PathPattern, backend: Backend) -> Self {
        Self {
            host,
            path,
            backend,
            ingress: None,
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            request_body: RequestBody::default(),
            https: Https::default(),
            transport: Transport::default(),
        }
    }
}

/// Who answers the requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The upstream of this name ([`Upstream::name`](crate::upstream::Upstream::name)); one without endpoints answers 503.
    Upstream(Arc<str>),
    /// Nobody: every request is answered 503, for this reason. For a rule whose protection could not be built.
    Denied(Arc<str>),
}

impl Backend {
    /// The name of the upstream, if there is one.
    pub fn upstream(&self) -> Option<&Arc<str>> {
        match self {
            Self::Upstream(name) => Some(name),
            Self::Denied(_) => None,
        }
    }
}

/// Namespace and name of a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What [`RouteTable::find`] found.
#[derive(Debug, Clone, Copy)]
pub struct Match<'t> {
    /// The route, which lives as long as its table; its address names it within the table.
    pub route: &'t Arc<Route>,
}

/// All routes. Immutable; made by [`RouteTable::builder`] or by the compile. A copy shares what is the same.
#[derive(Debug, Default, Clone)]
pub struct RouteTable {
    exact: Hosts,
    wildcard: Hosts,
    any: Option<Arc<HostRoutes>>,
    default: Option<Arc<Route>>,
    /// How many routes the hosts have.
    routes: usize,
}

impl RouteTable {
    /// A builder without routes.
    pub fn builder() -> RouteTableBuilder {
        RouteTableBuilder::default()
    }

    /// Finds the route of a request.
    ///
    /// `host` is in the form that [`canonical_host`] makes, `path` in that of [`normalize`]. The host decides first: the rules of an exact
    /// name, else of the wildcard one label up, else those without a host. If the path matches none of them the answer is `None`, even
    /// where a less specific host has a rule for it: what then answers is the [default route](Self::default_route).
    ///
    /// Allocates nothing.
    pub fn find(&self, host: &str, path: &str) -> Option<Match<'_>> {
        let route = self.host(host)?.find(path)?;
        Some(Match { route })
    }

    /// The rules that are looked at for a host.
    pub fn host(&self, host: &str) -> Option<&Arc<HostRoutes>> {
        self.exact.get(host.as_bytes()).or_else(|| self.wildcard(host)).or(self.any.as_ref())
    }

    /// Which host of rules a host belongs to, as [`find`](Self::find) decides it; `None` if there are no rules for it.
    pub fn server<'h>(&self, host: &'h str) -> Option<Server<'h>> {
        if self.exact.get(host.as_bytes()).is_some() {
            return Some(Server::Exact(host));
        }
        match host.split_once('.') {
            Some((_, parent)) if self.wildcard(host).is_some() => Some(Server::Wildcard(parent)),
            _ => self.any.as_ref().map(|_| Server::Any),
        }
    }

    /// True if a rule names the host, exactly or by a wildcard.
    pub fn names(&self, host: &str) -> bool {
        self.exact.get(host.as_bytes()).is_some() || self.wildcard(host).is_some()
    }

    fn wildcard(&self, host: &str) -> Option<&Arc<HostRoutes>> {
        if self.wildcard.is_empty() {
            return None;
        }
        let (label, parent) = host.split_once('.')?;
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!label.is_empty() && label.bytes().all(valid))
            .then(|| self.wildcard.get(parent.as_bytes()))
            .flatten()
    }

    /// Puts a host in the place of the one of its name, or takes that out.
    pub(crate) fn set(&mut self, pattern: &HostPattern, routes: Option<Arc<HostRoutes>>) {
        let new = routes.as_ref().map_or(0, |routes| routes.routes().len());
        let of_name = |hosts: &mut Hosts, name: &str| match routes.clone() {
            Some(routes) => hosts.insert(routes),
            None => hosts.remove(name.as_bytes()),
        };
        let old = match pattern {
            HostPattern::Exact(name) => of_name(&mut self.exact, name),
            HostPattern::Wildcard(name) => of_name(&mut self.wildcard, name),
            HostPattern::Any => std::mem::replace(&mut self.any, routes),
        };
        self.routes = self.routes + new - old.map_or(0, |old| old.routes().len());
    }

    /// What answers where no rule matches; `None` means 404.
    pub fn default_route(&self) -> Option<&Arc<Route>> {
        self.default.as_ref()
    }

    /// All hosts with their routes, in no particular order.
    pub fn hosts(&self) -> impl Iterator<Item = (HostPattern, &Arc<HostRoutes>)> {
        let any = self.any.iter().map(|routes| (HostPattern::Any, routes));
        self.exact.iter().map(exact).chain(self.wildcard.iter().map(wildcard)).chain(any)
    }

    /// The hosts that another table, of which this one came, does not have as they are here; in no particular order. The work grows with
    /// what differs.
    pub fn changed_since<'t>(
        &'t self,
        other: &'t Self,
    ) -> impl Iterator<Item = (HostPattern, &'t Arc<HostRoutes>)> {
        let any = self.any.iter().map(|routes| (HostPattern::Any, routes));
        let hosts = self.exact.unshared(&other.exact).map(exact);
        let hosts = hosts.chain(self.wildcard.unshared(&other.wildcard).map(wildcard)).chain(any);
        hosts.filter(|(pattern, routes)| {
            other.pattern(pattern).is_none_or(|theirs| !Arc::ptr_eq(routes, theirs))
        })
    }

    /// How many hosts there are; the routes without a host count as one.
    pub fn host_count(&self) -> usize {
        self.exact.len() + self.wildcard.len() + usize::from(self.any.is_some())
    }

    /// How many routes the hosts have; the default route is none of them.
    pub fn route_count(&self) -> usize {
        self.routes
    }

    /// The rules of one pattern.
    pub fn pattern(&self, pattern: &HostPattern) -> Option<&Arc<HostRoutes>> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name.as_bytes()),
            HostPattern::Wildcard(name) => self.wildcard.get(name.as_bytes()),
            HostPattern::Any => self.any.as_ref(),
        }
    }
}

fn exact(routes: &Arc<HostRoutes>) -> (HostPattern, &Arc<HostRoutes>) {
    (HostPattern::Exact(routes.name().into()), routes)
}

fn wildcard(routes: &Arc<HostRoutes>) -> (HostPattern, &Arc<HostRoutes>) {
    (HostPattern::Wildcard(routes.name().into()), routes)
}

/// Equal if every request gets the same answer. Hosts that two tables share are not compared again.
impl PartialEq for RouteTable {
    fn eq(&self, other: &Self) -> bool {
        self.default == other.default
            && self.any == other.any
            && self.exact == other.exact
            && self.wildcard == other.wildcard
    }
}

impl Eq for RouteTable {}
