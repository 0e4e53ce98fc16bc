//! Metrics of the configuration that is served.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ingress_core::{Backend, ObjectName, RouteTable, Settings, Severity, Snapshot};

use super::text::{Kind, Labels, Text};
use crate::control::Published;

/// What was published, and how often that worked. ingress-nginx's reloads are our publications.
///
/// A scrape works on a copy: whoever publishes must not wait for it.
#[derive(Debug, Default, Clone)]
pub(super) struct Served {
    /// The newest configuration; `None` before the first.
    now: Option<(Arc<Published>, Arc<Snapshot>)>,
    success: u64,
    errors: u64,
    /// Whether the last one worked.
    works: bool,
    /// Unix time of the last one that did.
    last: Option<f64>,
}

/// What a scrape works out of a snapshot, kept until routes or settings are others.
#[derive(Debug, Default)]
pub(super) struct Derived {
    of: Option<(Arc<RouteTable>, Arc<Settings>)>,
    hash: u64,
    ingresses: HashSet<ObjectName>,
}

impl Served {
    /// A configuration is served, or the one that is was looked at again.
    pub(super) fn published(&mut self, published: &Arc<Published>, snapshot: &Arc<Snapshot>) {
        let same = self.now.as_ref().is_some_and(|(_, now)| Arc::ptr_eq(now, snapshot));
        if !same {
            self.success += 1;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.last = Some(now.as_secs_f64());
        }
        self.works = true;
        self.now = Some((published.clone(), snapshot.clone()));
    }

    /// A change could not be compiled.
    pub(super) fn failed(&mut self) {
        self.errors += 1;
        self.works = false;
    }

    /// What is served now; `None` before the first configuration.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.now.as_ref().map(|(_, snapshot)| &**snapshot)
    }

    pub(super) fn write(&self, derived: &mut Derived, text: &mut Text) {
        let reload = "Configurations that were put into service";
        text.family("success", Kind::Counter, reload).count("", self.success);
        let failed = "Configurations that could not be put into service";
        text.family("errors", Kind::Counter, failed).count("", self.errors);
        let Some((published, snapshot)) = &self.now else { return };
        derived.follow(snapshot);
        let hash = "Changes when routes or settings change";
        // A number of up to 53 bits is exact.
        text.family("config_hash", Kind::Gauge, hash).count("", derived.hash >> 11);
        let works = "Whether the last configuration could be put into service";
        text.family("config_last_reload_successful", Kind::Gauge, works).count("", self.works.into());
        if let Some(last) = self.last {
            let when = "Unix time of the last configuration that was put into service";
            text.family("config_last_reload_successful_timestamp_seconds", Kind::Gauge, when).value("", last);
        }
        let orphan = "1 for an Ingress that names a Service which does not exist, or one without endpoints";
        let mut family = text.family("orphan_ingress", Kind::Gauge, orphan);
        for (ingress, kind) in orphans(published, snapshot) {
            let labels =
                Labels::default().with("namespace", &ingress.namespace).with("ingress", &ingress.name);
            family.count(labels.with("type", kind).as_str(), 1);
        }
        let findings = "Defects of objects, by severity; not in ingress-nginx";
        let mut family = text.family("findings", Kind::Gauge, findings);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            published.report.findings.iter().partition(|finding| finding.severity == Severity::Error);
        for (severity, number) in [("error", errors.len()), ("warning", warnings.len())] {
            family.count(Labels::default().with("severity", severity).as_str(), number as u64);
        }
    }
}

impl Derived {
    /// The Ingresses that have routes; `None` before the first configuration.
    pub(super) fn ingresses(&self) -> Option<&HashSet<ObjectName>> {
        self.of.as_ref().map(|_| &self.ingresses)
    }

    fn follow(&mut self, snapshot: &Snapshot) {
        let Snapshot { routes, settings, .. } = snapshot;
        let same = |(mine, own): &(Arc<_>, Arc<_>)| Arc::ptr_eq(mine, routes) && Arc::ptr_eq(own, settings);
        if self.of.as_ref().is_some_and(same) {
            return;
        }
        let mut ingresses = HashSet::new();
        let all = routes.hosts().flat_map(|(_, host)| host.routes()).chain(routes.default_route());
        for ingress in all.filter_map(|route| route.ingress.as_ref()) {
            if !ingresses.contains(ingress) {
                ingresses.insert(ingress.clone());
            }
        }
        *self = Self { of: Some((routes.clone(), settings.clone())), hash: hash(snapshot), ingresses };
    }
}

/// A number for routes and settings that is the same in each replica of one version. Endpoints do not count, as in ingress-nginx, where
/// they change without a reload.
fn hash(snapshot: &Snapshot) -> u64 {
    // Hosts come in no order, so theirs are added up.
    let hosts = snapshot.routes.hosts().map(|(pattern, host)| of(&(pattern, host.routes())));
    let hosts = hosts.fold(0u64, u64::wrapping_add);
    hosts.wrapping_add(of(&snapshot.routes.default_route())).wrapping_add(of(&snapshot.settings))
}

fn of(value: &dyn fmt::Debug) -> u64 {
    struct Hashed(DefaultHasher);
    impl fmt::Write for Hashed {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hashed = Hashed(DefaultHasher::new());
    // What is hashed is complete and needs no allocation; it cannot fail.
    let _ = write!(hashed, "{value:?}");
    hashed.0.finish()
}

/// Ingresses with a backend that does not exist or has no endpoints, with the words of ingress-nginx. It also has a 0 for each that is fine.
fn orphans(published: &Published, snapshot: &Snapshot) -> BTreeSet<(ObjectName, &'static str)> {
    let missing = |reason: &str| reason == "UnknownService";
    let findings = published.report.findings.iter().filter(|finding| missing(finding.reason));
    let missing: BTreeSet<_> = findings.map(|finding| name(&finding.object)).collect();
    let mut orphans: BTreeSet<_> = missing.iter().map(|name| (name.clone(), "no-service")).collect();
    for route in snapshot.routes.hosts().flat_map(|(_, host)| host.routes()) {
        let (Some(ingress), Backend::Upstream(name)) = (&route.ingress, &route.backend) else { continue };
        let empty = snapshot.upstreams.get(name).is_none_or(|upstream| match &upstream.endpoints {
            ingress_core::Endpoints::Addresses(addresses) => addresses.is_empty(),
            _ => false,
        });
        if empty && !missing.contains(ingress) {
            orphans.insert((ingress.clone(), "no-endpoint"));
        }
    }
    orphans
}

fn name(object: &ingress_core::ObjectRef) -> ObjectName {
    ObjectName { namespace: object.namespace.as_str().into(), name: object.name.as_str().into() }
}
