//! What a worker does for each request: find the cells of its series, and count.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ingress_core::{Route, RouteTable};
use ingress_proxy::{Finished, Observer};

use super::cells::Cells;
use super::labels::{self, Subject};
use super::measure::values;
use super::registry::{Registry, Scope};
use super::text::Labels;
use crate::config::MetricsConfig;

/// What the observers of all workers share: read by each request, written when the configuration changes or a series is new.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) registry: Registry,
    per_host: bool,
    per_undefined_host: bool,
    status_classes: bool,
    table: Mutex<Arc<RouteTable>>,
    /// Grows when `table` changes; only looking at it takes no lock.
    version: AtomicU64,
}

impl Requests {
    pub(super) fn new(config: &MetricsConfig, registry: Registry) -> Self {
        Self {
            registry,
            per_host: config.per_host,
            per_undefined_host: config.per_host && config.per_undefined_host,
            status_classes: config.status_classes,
            table: Mutex::default(),
            version: AtomicU64::new(0),
        }
    }

    /// Makes `table` the one that hosts are looked up in.
    pub(super) fn set_table(&self, table: &Arc<RouteTable>) {
        let mut held = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&held, table) {
            *held = table.clone();
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    fn table(&self) -> Arc<RouteTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts the requests of one worker.
pub(super) struct MetricsObserver {
    view: View,
    counter: Counter,
}

/// A worker's view of the routes.
struct View {
    table: Arc<RouteTable>,
    version: u64,
}

/// What a worker has found before: then nothing is written that workers share.
struct Counter {
    worker: usize,
    requests: Arc<Requests>,
    /// By the address of the route, and whether it only stands for its host ([`Subject::unmatched`]).
    routes: HashMap<(usize, bool), Known>,
    /// The size of `routes` at which those that are gone are dropped.
    prune_at: usize,
    /// The cells of requests that have no such route, by the labels of their series.
    others: HashMap<Box<str>, Arc<Cells>>,
    labels: Labels,
}

/// The series of one route.
struct Known {
    /// Keeps the address from being given to another route.
    route: Weak<Route>,
    cells: Vec<(&'static str, u16, Arc<Cells>)>,
}

/// A map this small is not worth looking through.
const SMALL: usize = 64;

impl MetricsObserver {
    pub(super) fn new(worker: usize, requests: Arc<Requests>) -> Self {
        // Older than any, so that the first request takes the table.
        let view = View { table: Arc::default(), version: u64::MAX };
        let (routes, others, labels) = Default::default();
        Self { view, counter: Counter { worker, requests, routes, prune_at: SMALL, others, labels } }
    }
}

#[cfg(test)]
impl MetricsObserver {
    pub(super) fn known_routes(&self) -> usize {
        self.counter.routes.len()
    }
}

impl Observer for MetricsObserver {
    fn finished(&mut self, request: &Finished<'_>) {
        let Self { view, counter } = self;
        let requests = &counter.requests;
        let undefined = requests.per_host && !request.known_host;
        if request.health_check || (undefined && !requests.per_undefined_host) {
            return;
        }
        view.renew(requests);
        match request.route {
            Some(route) if !undefined && !request.default_backend => counter.route(route, false, request),
            route => match view.host(request) {
                Some(first) => counter.route(first, true, request),
                None => counter.other(route, request),
            },
        }
    }
}

impl View {
    /// Takes the newest table.
    fn renew(&mut self, requests: &Requests) {
        let version = requests.version.load(Ordering::Acquire);
        if version != self.version {
            *self = Self { version, table: requests.table() };
        }
    }

    /// The route that stands for a host which an Ingress names: its first. Of several Ingresses with that host, ingress-nginx takes the
    /// oldest; for one alone it is the same.
    fn host(&self, request: &Finished<'_>) -> Option<&Arc<Route>> {
        let named = request.known_host && self.table.names(request.host);
        named.then(|| self.table.host(request.host)?.routes().first()).flatten()
    }
}

impl Counter {
    fn route(&mut self, route: &Arc<Route>, unmatched: bool, request: &Finished<'_>) {
        if self.routes.len() >= self.prune_at {
            self.routes.retain(|_, known| known.route.strong_count() > 0);
            self.prune_at = SMALL.max(self.routes.len() * 2);
        }
        let key = (Arc::as_ptr(route).addr(), unmatched);
        let new = || Known { route: Arc::downgrade(route), cells: Vec::new() };
        let known = self.routes.entry(key).or_insert_with(new);
        let (method, status) = (request.method.map_or("-", labels::method), request.status);
        let same = |(one, other, _): &&(&str, u16, Arc<Cells>)| *one == method && *other == status;
        let registry = &self.requests.registry;
        if let Some((_, _, cells)) = known.cells.iter().find(same).filter(|(_, _, cells)| !cells.is_gone()) {
            return cells.record(&registry.buckets, values(request));
        }
        let pattern = self.requests.per_host.then(|| route.host.to_string());
        let subject = Subject { route: Some(route), unmatched, host: pattern.as_deref() };
        let text = labels::status(status, self.requests.status_classes);
        labels::write(&mut self.labels, subject, method, &text);
        let labels = self.labels.as_str();
        if let Some(cells) = registry.cells(self.worker, labels, route.ingress.as_ref(), Scope::Known) {
            cells.record(&registry.buckets, values(request));
            known.cells.retain(|(_, _, cells)| !cells.is_gone());
            known.cells.push((method, status, cells));
        }
    }

    fn other(&mut self, route: Option<&Arc<Route>>, request: &Finished<'_>) {
        let host = self.requests.per_host.then_some(request.host);
        let route = route.map(|route| &**route);
        let subject = Subject { route, unmatched: false, host };
        let status = labels::status(request.status, self.requests.status_classes);
        labels::write(&mut self.labels, subject, request.method.map_or("-", labels::method), &status);
        let (labels, registry) = (self.labels.as_str(), &self.requests.registry);
        if let Some(cells) = self.others.get(labels).filter(|cells| !cells.is_gone()) {
            return cells.record(&registry.buckets, values(request));
        }
        let ingress = route.and_then(|route| route.ingress.as_ref());
        if let Some(cells) = registry.cells(self.worker, labels, ingress, Scope::Undefined) {
            cells.record(&registry.buckets, values(request));
            self.others.retain(|_, cells| !cells.is_gone());
            self.others.insert(labels.into(), cells);
        }
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").field("worker", &self.counter.worker).finish_non_exhaustive()
    }
}
