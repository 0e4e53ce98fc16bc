//! Counts of what happens, in the text format of Prometheus.
//!
//! The names are those of ingress-nginx, so that its dashboards and alerts work. That is why the format is written here, in `text.rs`, and
//! not by the `prometheus-client` crate: that one ends the name of every counter in `_total`, and `requests`, `success` and others do not.
//! Names that ingress-nginx does not have say so in their help.
//!
//! Requests are counted by an observer of each worker, in cells that this worker alone writes (`cells.rs`), found by the route
//! (`observer.rs`). A scrape adds up the workers.

mod buckets;
mod cells;
mod certificates;
mod labels;
mod measure;
mod names;
mod observer;
mod process;
mod registry;
mod served;
#[cfg(test)]
mod tests;
mod text;
mod webhook;

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ingress_core::Snapshot;
use ingress_proxy::{Counts, Observer};

use crate::config::MetricsConfig;
use crate::control::Published;
use measure::{MEASURES, REQUESTS};
use observer::{MetricsObserver, Requests};
use registry::Registry;
use served::{Derived, Served};
use text::{Kind, Labels, Text};
use webhook::Webhook;

pub(crate) use names::Names;
pub(crate) use webhook::Checked;

/// All metrics of a controller.
#[derive(Debug)]
pub(crate) struct Metrics {
    config: MetricsConfig,
    names: Names,
    requests: Arc<Requests>,
    served: Mutex<Served>,
    derived: Mutex<Derived>,
    webhook: Mutex<Webhook>,
    sources: OnceLock<Sources>,
    leads: AtomicU8,
    /// The length of the last text.
    size: AtomicUsize,
}

/// Whether this replica leads: not known, no, yes.
const UNKNOWN: u8 = 0;
const FOLLOWS: u8 = 1;
const LEADS: u8 = 2;

/// What is asked for the numbers that others count.
pub(crate) struct Sources {
    /// What the workers have counted.
    pub(crate) counts: Box<dyn Fn() -> Counts + Send + Sync>,
    /// Lines of the access log that were dropped because nobody took them.
    pub(crate) dropped_lines: Box<dyn Fn() -> u64 + Send + Sync>,
    /// How many workers serve.
    pub(crate) workers: usize,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new(config: MetricsConfig, names: Names) -> Arc<Self> {
        let requests = Requests::new(&config, Registry::new(measure::buckets(&config)));
        Arc::new(Self {
            config,
            names,
            requests: Arc::new(requests),
            served: Mutex::default(),
            derived: Mutex::default(),
            webhook: Mutex::default(),
            sources: OnceLock::new(),
            leads: AtomicU8::new(UNKNOWN),
            size: AtomicUsize::new(0),
        })
    }

    /// What counts the requests of a worker, if they are to be counted. Each worker has a number of its own.
    pub(crate) fn observer(&self, worker: usize) -> Option<Box<dyn Observer>> {
        let observer = || Box::new(MetricsObserver::new(worker, self.requests.clone())) as Box<dyn Observer>;
        self.config.enabled.then(observer)
    }

    /// Tells where numbers come from that others count; only the first call has an effect.
    pub(crate) fn set_sources(&self, sources: Sources) {
        let _ = self.sources.set(sources);
    }

    /// Tells what is served now, just before or after it is published. `snapshot` is the publisher's current one: if nothing changed, it is
    /// the same allocation.
    pub(crate) fn published(&self, published: &Arc<Published>, snapshot: &Arc<Snapshot>) {
        self.requests.set_table(&snapshot.routes);
        lock(&self.served).published(published, snapshot);
    }

    /// Tells that a change could not be compiled.
    pub(crate) fn failed(&self) {
        lock(&self.served).failed();
    }

    /// Tells whether this replica leads.
    pub(crate) fn leads(&self, leads: bool) {
        self.leads.store(if leads { LEADS } else { FOLLOWS }, Relaxed);
    }

    /// Tells of a call of the admission webhook.
    pub(crate) fn checked(&self, checked: Checked) {
        lock(&self.webhook).checked(checked);
    }

    /// All metrics of this moment. Series of Ingresses that have gone are dropped on the way.
    pub(crate) fn render(&self) -> String {
        let (config, names) = (&self.config, &self.names);
        let constant = Labels::default()
            .with("controller_namespace", &names.namespace)
            .with("controller_class", &names.class)
            .with("controller_pod", &names.pod);
        let size = self.size.load(Relaxed);
        let mut text = Text::new(constant, size + size / 8);
        self.write_controller(&mut text);
        lock(&self.webhook).write(&mut text);
        self.write_sources(&mut text);
        process::write(&mut text);
        if config.enabled {
            self.write_requests(&mut text);
        }
        let text = text.finish();
        self.size.store(text.len(), Relaxed);
        text
    }

    fn write_controller(&self, text: &mut Text) {
        let version = Labels::default()
            .with("release", env!("CARGO_PKG_VERSION"))
            .with("build", option_env!("GIT_COMMIT").unwrap_or_default())
            .with("repository", env!("CARGO_PKG_REPOSITORY"));
        text.family("build_info", Kind::Gauge, "The version, as labels").count(version.as_str(), 1);
        let leads = self.leads.load(Relaxed);
        if leads != UNKNOWN {
            let name = Labels::default().with("name", &self.names.election_id);
            let help = "Whether this replica writes the status of Ingresses";
            text.family("leader_election_status", Kind::Gauge, help)
                .count(name.as_str(), (leads == LEADS).into());
        }
        let served = lock(&self.served).clone();
        served.write(&mut lock(&self.derived), text);
        if let Some(snapshot) = served.snapshot() {
            certificates::write(&snapshot.tls, &self.names.class, text);
        }
    }

    fn write_sources(&self, text: &mut Text) {
        let Some(sources) = self.sources.get() else { return };
        let counts = (sources.counts)();
        let state = |state: &str| Labels::default().with("state", state);
        let open = "Client connections that are open, by what they do";
        let mut family = text.family("nginx_process_connections", Kind::Gauge, open);
        for (name, number) in [
            ("active", counts.active),
            ("reading", counts.reading),
            ("writing", counts.writing),
            ("waiting", counts.waiting),
        ] {
            family.count(state(name).as_str(), number);
        }
        let all = "Client connections since the start";
        let mut family = text.family("nginx_process_connections_total", Kind::Counter, all);
        for (name, number) in [("accepted", counts.accepted), ("handled", counts.handled)] {
            family.count(state(name).as_str(), number);
        }
        let requests = "Requests since the start";
        text.family("nginx_process_requests_total", Kind::Counter, requests).count("", counts.requests);
        write_tls(&counts, text);
        let lines =
            "Lines of the access log that were dropped because nobody took them; not in ingress-nginx";
        let dropped = (sources.dropped_lines)();
        text.family("access_log_dropped_lines_total", Kind::Counter, lines).count("", dropped);
        let workers = "Threads that serve; not in ingress-nginx";
        text.family("workers", Kind::Gauge, workers).count("", sources.workers as u64);
    }

    fn write_requests(&self, text: &mut Text) {
        let registry = &self.requests.registry;
        if let Some(ingresses) = lock(&self.derived).ingresses() {
            registry.retain(ingresses);
        }
        let all = registry.all();
        if measure::is_counted(&self.config, REQUESTS) {
            let mut family = text.family(REQUESTS, Kind::Counter, "Requests");
            all.iter().for_each(|series| family.count(&series.labels, series.requests()));
        }
        for (index, (measure, buckets)) in MEASURES.iter().zip(&registry.buckets).enumerate() {
            let Some(buckets) = buckets else { continue };
            let mut family = text.family(measure.name, Kind::Histogram, measure.help);
            let mut counts = vec![0; buckets.texts().len()];
            for series in &all {
                let sum = series.histogram(index, &mut counts);
                // No endpoint was asked for anything, or not one alone.
                if counts.iter().any(|count| *count > 0) {
                    family.histogram(&series.labels, buckets, &counts, sum);
                }
            }
        }
        let help = "Requests that are in no series, because there are too many series; not in ingress-nginx";
        text.family("requests_not_recorded_total", Kind::Counter, help).count("", registry.unrecorded());
    }
}

/// Handshakes with clients, and what comes before them.
fn write_tls(counts: &Counts, text: &mut Text) {
    let done = "Handshakes of TLS with clients that were done; not in ingress-nginx";
    let resumed = "Those of them that resumed a session; not in ingress-nginx";
    let failed = "Handshakes of TLS with clients that failed, or were not done in time; not in ingress-nginx";
    let refused = "Connections that were closed for want of a PROXY header; not in ingress-nginx";
    for (name, help, number) in [
        ("tls_handshakes_total", done, counts.handshakes),
        ("tls_handshakes_resumed_total", resumed, counts.handshakes_resumed),
        ("tls_handshakes_failed_total", failed, counts.handshakes_failed),
        ("proxy_headers_refused_total", refused, counts.proxy_headers_refused),
    ] {
        text.family(name, Kind::Counter, help).count("", number);
    }
}

/// A panic elsewhere leaves counts that are off by one at worst.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
