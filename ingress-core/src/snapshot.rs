//! One configuration of the proxy, whole and immutable.

use std::sync::Arc;

use crate::route::{Backend, BuildError, Route, RouteTable, RouteTableBuilder};
use crate::settings::Settings;
use crate::shards::{Keyed, Shards};
use crate::stream::Stream;
use crate::tls::TlsTable;
use crate::upstream::Upstream;

/// The upstreams of a snapshot by name. A copy shares what is the same.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Upstreams {
    by_name: Shards<Arc<Upstream>>,
}

impl Keyed for Arc<Upstream> {
    type Key = str;

    fn key(&self) -> &str {
        &self.name
    }
}

impl Upstreams {
    /// The upstream of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.by_name.get(name)
    }

    /// All upstreams, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.by_name.iter()
    }

    /// Those that another set, of which this one came, does not have as they are here; in no particular order.
    pub fn changed_since<'u>(&'u self, other: &'u Self) -> impl Iterator<Item = &'u Arc<Upstream>> {
        let is_new = |upstream: &&Arc<Upstream>| {
            other.get(&upstream.name).is_none_or(|theirs| !Arc::ptr_eq(upstream, theirs))
        };
        self.by_name.unshared(&other.by_name).filter(is_new)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Puts an upstream in the place of the one of its name. An equal one stays.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn put(&mut self, upstream: Upstream) {
        if self.get(&upstream.name).is_none_or(|held| **held != upstream) {
            self.by_name.insert(Arc::new(upstream));
        }
    }

    /// Takes an upstream out.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }
}

impl FromIterator<Arc<Upstream>> for Upstreams {
    fn from_iter<I: IntoIterator<Item = Arc<Upstream>>>(upstreams: I) -> Self {
        Self { by_name: upstreams.into_iter().collect() }
    }
}

/// Everything that decides how a request is answered. The parts are shared: a change of endpoints alone makes a new snapshot with the
/// routes of the old one.
#[derive(Debug, Default, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// From host and path to a route.
    pub routes: Arc<RouteTable>,
    /// From the name in a route to endpoints.
    pub upstreams: Arc<Upstreams>,
    /// What holds whatever the route.
    pub settings: Arc<Settings>,
    /// From a name to a certificate and what is asked of clients.
    pub tls: Arc<TlsTable>,
    /// TCP and UDP services, each port once, in ascending order.
    pub streams: Arc<[Stream]>,
}

impl Snapshot {
    /// A snapshot of these parts. Nothing is checked: a route to an upstream that is not there answers 503.
    #[must_use]
    pub fn new(routes: impl Into<Arc<RouteTable>>, upstreams: impl Into<Arc<Upstreams>>) -> Self {
        Self { routes: routes.into(), upstreams: upstreams.into(), ..Self::default() }
    }

    /// The same with other settings.
    #[must_use]
    pub fn with_settings(self, settings: impl Into<Arc<Settings>>) -> Self {
        Self { settings: settings.into(), ..self }
    }

    /// The same with other certificates.
    #[must_use]
    pub fn with_tls(self, tls: impl Into<Arc<TlsTable>>) -> Self {
        Self { tls: tls.into(), ..self }
    }

    /// The same with other streams.
    #[must_use]
    pub fn with_streams(self, streams: impl Into<Arc<[Stream]>>) -> Self {
        Self { streams: streams.into(), ..self }
    }

    /// A builder, for use without Kubernetes.
    pub fn builder() -> SnapshotBuilder {
        SnapshotBuilder::default()
    }
}

/// Parts that are the same allocation are equal without being looked at.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.routes, &other.routes) || self.routes == other.routes)
            && (Arc::ptr_eq(&self.upstreams, &other.upstreams) || self.upstreams == other.upstreams)
            && (Arc::ptr_eq(&self.settings, &other.settings) || self.settings == other.settings)
            && (Arc::ptr_eq(&self.tls, &other.tls) || self.tls == other.tls)
            && (Arc::ptr_eq(&self.streams, &other.streams) || self.streams == other.streams)
    }
}

impl Eq for Snapshot {}

/// Collects routes and upstreams made by hand.
///
/// ```
/// use ingress_core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
///
/// let snapshot = Snapshot::builder()
///     .upstream(Upstream::new("api", ["127.0.0.1:3000".parse()?, "127.0.0.1:3001".parse()?]))
///     .route(Route::new(
///         HostPattern::parse("mywebsite.com")?,
///         PathPattern::prefix("/api")?,
///         Backend::Upstream("api".into()),
///     ))
///     .build()?;
/// assert!(snapshot.routes.find("mywebsite.com", "/api/v1").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct SnapshotBuilder {
    routes: Vec<Arc<Route>>,
    default: Option<Arc<Route>>,
    upstreams: Vec<Arc<Upstream>>,
    settings: Arc<Settings>,
    tls: Arc<TlsTable>,
    streams: Vec<Stream>,
}

impl SnapshotBuilder {
    /// Adds an upstream.
    pub fn upstream(mut self, upstream: impl Into<Arc<Upstream>>) -> Self {
        self.upstreams.push(upstream.into());
        self
    }

    /// Adds a route.
    pub fn route(mut self, route: impl Into<Arc<Route>>) -> Self {
        self.routes.push(route.into());
        self
    }

    /// What answers where no route matches; without it that is 404.
    pub fn default_route(mut self, route: impl Into<Arc<Route>>) -> Self {
        self.default = Some(route.into());
        self
    }

    /// What holds whatever the route; without it, the defaults.
    pub fn settings(mut self, settings: impl Into<Arc<Settings>>) -> Self {
        self.settings = settings.into();
        self
    }

    /// Certificates, and what is asked of clients.
    pub fn tls(mut self, tls: impl Into<Arc<TlsTable>>) -> Self {
        self.tls = tls.into();
        self
    }

    /// Adds a TCP or UDP service.
    pub fn stream(mut self, stream: Stream) -> Self {
        self.streams.push(stream);
        self
    }

    /// Builds the snapshot.
    ///
    /// # Errors
    /// [`BuildError`] if two routes or upstreams are the same, or a route leads to an upstream that was not added.
    pub fn build(self) -> Result<Snapshot, BuildError> {
        let mut upstreams = Upstreams::default();
        for upstream in self.upstreams {
            if let Some(twice) = upstreams.by_name.insert(upstream) {
                return Err(BuildError::DuplicateUpstream(twice.name.to_string()));
            }
        }
        let mut routes = RouteTableBuilder::default();
        for route in self.routes {
            check(&route, &upstreams)?;
            routes = routes.route(route);
        }
        if let Some(route) = self.default {
            check(&route, &upstreams)?;
            routes = routes.default_route(route);
        }
        let mut streams = self.streams;
        streams.sort_unstable();
        let snapshot = Snapshot::new(routes.build()?, upstreams).with_settings(self.settings);
        Ok(snapshot.with_tls(self.tls).with_streams(streams))
    }
}

fn check(route: &Route, upstreams: &Upstreams) -> Result<(), BuildError> {
    match &route.backend {
        Backend::Upstream(name) if upstreams.get(name).is_none() => Err(BuildError::NoUpstream {
            host: route.host.to_string(),
            path: route.path.to_string(),
            upstream: name.to_string(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{HostPattern, PathPattern};

    #[test]
    fn a_route_to_nowhere_is_an_error() {
        let route =
            Route::new(HostPattern::Any, PathPattern::prefix("/").unwrap(), Backend::Upstream("api".into()));
        let error = Snapshot::builder().route(route).build().unwrap_err();
        assert_eq!(error.to_string(), "host *, path /: there is no upstream \"api\"; add it to the builder");
    }

    #[test]
    fn an_upstream_holds_each_address_once() {
        let addresses = ["127.0.0.1:2", "127.0.0.1:1", "127.0.0.1:2"].map(|text| text.parse().unwrap());
        let upstream = Upstream::new("u", addresses);
        assert_eq!(upstream.addresses().len(), 2);
    }
}
