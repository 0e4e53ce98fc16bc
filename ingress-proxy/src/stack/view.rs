//! A proxy's own view of the snapshot.
//!
//! Workers must not write to memory that they share, and a reference count is such memory. So each proxy holds the snapshot once, and
//! hands requests counted references to things of its own: a copy of the settings, and an entry for each route that is used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hashbrown::HashMap;
use http::HeaderValue;
use ingress_core::policy::{Protocol, Transport};
use ingress_core::{Backend, Route, Settings, Snapshot};

use super::request_id::RequestIds;
use crate::config::Config;
use crate::error::Kind;
use crate::snapshot::Subscriber;
use crate::upstream::{Group, Groups};

/// What the clones of one proxy share.
#[derive(Debug)]
pub(crate) struct Shared {
    config: Config,
    subscriber: Subscriber,
    view: Mutex<View>,
    groups: Groups,
    sweeper: std::sync::Once,
    /// The value of `Alt-Svc`.
    alt_svc: Option<HeaderValue>,
}

/// The snapshot, and the routes of it that were used.
#[derive(Debug)]
pub(crate) struct View {
    version: u64,
    snapshot: Arc<Snapshot>,
    settings: Arc<Settings>,
    /// By the address of the route, which the snapshot keeps alive.
    targets: HashMap<usize, Arc<RouteTarget>, foldhash::fast::RandomState>,
    ids: Arc<RequestIds>,
}

/// A route, and what requests on it need beside it.
#[derive(Debug)]
pub(crate) struct RouteTarget {
    pub(crate) route: Arc<Route>,
    /// The upstream that it leads to, or why there is none.
    pub(crate) group: Result<Arc<Group>, Kind>,
    /// The same over TLS, for requests that came over TLS, where the route speaks to endpoints as the client speaks to us.
    pub(crate) secure: Option<Arc<Group>>,
    /// The settings of the snapshot that the route is from.
    pub(crate) settings: Arc<Settings>,
    /// For requests that have no id.
    pub(crate) ids: Arc<RequestIds>,
}

/// What a host and path lead to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) target: Arc<RouteTarget>,
    /// True if it is the route for what no rule matches.
    pub(crate) default: bool,
}

impl Shared {
    pub(crate) fn new(subscriber: Subscriber, config: Config) -> Arc<Self> {
        let groups = Groups::new(&config);
        let view = View {
            version: 0,
            snapshot: Arc::default(),
            settings: Arc::default(),
            targets: HashMap::default(),
            ids: Arc::default(),
        };
        let alt_svc = config.http3_port.map(|port| format!("h3=\":{port}\"; ma=86400"));
        let shared = Self {
            alt_svc: alt_svc.and_then(|value| HeaderValue::try_from(value).ok()),
            config,
            subscriber,
            view: Mutex::new(view),
            groups,
            sweeper: std::sync::Once::new(),
        };
        shared.lock().renew(&shared.subscriber, &shared.groups);
        Arc::new(shared)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Where we are to be found over HTTP/3, if we are.
    pub(crate) fn alt_svc(&self) -> Option<&HeaderValue> {
        self.alt_svc.as_ref()
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The view, brought up to date.
    pub(crate) fn view(self: &Arc<Self>) -> MutexGuard<'_, View> {
        // Here and not when the proxy is made: only now is there certain to be a runtime.
        self.sweeper.call_once(|| drop(tokio::spawn(Self::sweep(Arc::downgrade(self)))));
        let mut view = self.lock();
        if view.version != self.subscriber.version() {
            view.renew(&self.subscriber, &self.groups);
        }
        view
    }

    /// The current settings.
    pub(crate) fn settings(self: &Arc<Self>) -> Arc<Settings> {
        self.view().settings.clone()
    }

    /// Follows the snapshot and closes idle connections also while no request comes, until the proxy is gone.
    async fn sweep(shared: Weak<Self>) {
        while let Some(interval) = shared.upgrade().map(|shared| shared.groups.sweep_interval()) {
            tokio::time::sleep(interval).await;
            if let Some(shared) = shared.upgrade() {
                drop(shared.view());
                shared.groups.sweep();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of which no part that requests take is shared with other proxies.
fn copy(settings: &Settings) -> Settings {
    let mut copy = settings.clone();
    copy.hsts = settings.hsts.as_ref().and_then(|hsts| HeaderValue::from_bytes(hsts.as_bytes()).ok());
    copy
}

impl View {
    fn renew(&mut self, subscriber: &Subscriber, groups: &Groups) {
        // The version first: if a newer snapshot comes in between, it is taken now and once more with the next request.
        self.version = subscriber.version();
        let before = std::mem::replace(&mut self.snapshot, subscriber.current());
        let mut same = Arc::ptr_eq(&before.routes, &self.snapshot.routes);
        if self.settings != self.snapshot.settings {
            self.settings = Arc::new(copy(&self.snapshot.settings));
            same = false;
        }
        groups.follow(&self.snapshot.upstreams, &self.settings);
        // Where endpoints alone have changed, the groups follow, and what leads to them stays: no worker need touch a shared count again.
        let upstreams = &self.snapshot.upstreams;
        let stays = |target: &RouteTarget| {
            target.group.as_ref().is_ok_and(|group| upstreams.get(group.name()).is_some())
        };
        self.targets.retain(|_, target| same && stays(target));
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The route of a request; `None` if no rule matches and there is no default route.
    pub(crate) fn find(&mut self, host: &str, path: &str, groups: &Groups) -> Option<Found> {
        let routes = &self.snapshot.routes;
        let (route, default) = match routes.find(host, path) {
            Some(found) => (found.route, false),
            None => (routes.default_route()?, true),
        };
        let key = Arc::as_ptr(route) as usize;
        if let Some(target) = self.targets.get(&key) {
            return Some(Found { target: target.clone(), default });
        }
        let get = |name: &str, transport: &Transport| groups.get(name, transport, &self.snapshot.upstreams);
        let (group, secure) = match &route.backend {
            Backend::Upstream(name) => {
                let secure = as_secure(&route.transport).and_then(|transport| get(name, &transport));
                (get(name, &route.transport).ok_or(Kind::NoEndpoint), secure)
            }
            _ => (Err(Kind::Denied), None),
        };
        let (route, settings, ids) = (route.clone(), self.settings.clone(), self.ids.clone());
        let target = Arc::new(RouteTarget { route, group, secure, settings, ids });
        self.targets.insert(key, target.clone());
        Some(Found { target, default })
    }
}

/// What `AUTO_HTTP` means for a request that came over TLS; `None` for any other transport.
fn as_secure(transport: &Transport) -> Option<Transport> {
    (transport.protocol == Protocol::Auto).then(|| {
        let mut secure = transport.clone();
        secure.protocol = Protocol::Https;
        secure
    })
}
