//! The part of the objects that a change is for: to compile it alone comes to the same for it as to compile everything.
//!
//! What becomes of an Ingress is decided by the Ingresses with which it shares a host, by those that share one with these, and so on; by the
//! Services and Secrets that they name; and by what holds for all, which is no matter of a part. Beside that, a host has to do with the wildcard
//! above it where that has a certificate: with it in the part, the host is compiled as ever. The other way round it is no part: there may be
//! tens of thousands of hosts below a wildcard, so where the wildcard itself is not as it was, everything is compiled.

use std::sync::Arc;

use hashbrown::HashSet;
use k8s_openapi::api::networking::v1::Ingress;

use super::index::{Key, name, namespace};
use super::known::{Changes, Known};
use super::links::{backends, hosts};
use super::report::Finding;
use super::{Objects, Options, References};
use crate::route::{HostPattern, ObjectName};
use crate::tls::TlsTable;

/// What has to be compiled again.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// As they are, in no particular order.
    pub(super) ingresses: Vec<Arc<Ingress>>,
    /// All hosts of these, and those that changed Ingresses had.
    pub(super) hosts: HashSet<HostPattern>,
    /// The names of these, and of those that are no more.
    pub(super) names: HashSet<ObjectName>,
    /// The Services that any of them names or named, and those with other endpoints.
    pub(super) services: HashSet<ObjectName>,
}

/// So many Ingresses are compiled in no time, however many of all they are.
const MANY: usize = 500;

impl Part {
    /// Collects what a change is for; `None` if that is so much that everything is better compiled, or a wildcard's.
    pub(super) fn of(changes: &Changes, known: &Known, table: &TlsTable) -> Option<Self> {
        let changed = changes.before.iter().chain(&changes.after);
        let mut wildcards = changed.clone().flat_map(|ingress| hosts(ingress)).filter(is_wildcard);
        if wildcards.any(|host| table.has_place(&host)) {
            return None;
        }
        // Where many came or went at once, to take each out of the lists of the report, or put it in, is more work than to make these anew.
        if changes.before.len().abs_diff(changes.after.len()) > 4 * MANY {
            return None;
        }
        let most = MANY.max(known.ingresses() / 2);
        let mut part = Self::default();
        let mut open: Vec<HostPattern> = Vec::new();
        let mut taken: HashSet<usize> = HashSet::new();
        for ingress in &changes.before {
            part.add(ingress, &mut open);
        }
        let links = known.links();
        let linked = changes.services.iter().chain(&changes.secrets).flat_map(|link| links.get(*link));
        for ingress in changes.after.iter().chain(linked) {
            part.take(ingress, &mut taken, &mut open);
        }
        while let Some(host) = open.pop() {
            for ingress in links.of_host(&host) {
                part.take(ingress, &mut taken, &mut open);
            }
            let above = wildcard_above(&host).filter(|wildcard| table.has_place(wildcard));
            if let Some(wildcard) = above.filter(|wildcard| part.hosts.insert(wildcard.clone())) {
                open.push(wildcard);
            }
            if part.ingresses.len() > most {
                return None;
            }
        }
        part.services.extend(changes.endpoints.iter().cloned());
        Some(part)
    }

    fn take(&mut self, ingress: &Arc<Ingress>, taken: &mut HashSet<usize>, open: &mut Vec<HostPattern>) {
        if taken.insert(Arc::as_ptr(ingress).addr()) {
            self.ingresses.push(ingress.clone());
            self.add(ingress, open);
        }
    }

    /// Adds what an Ingress has, or had.
    fn add(&mut self, ingress: &Ingress, open: &mut Vec<HostPattern>) {
        for host in hosts(ingress) {
            if self.hosts.insert(host.clone()) {
                open.push(host);
            }
        }
        self.names.insert(object_name((namespace(&ingress.metadata), name(&ingress.metadata))));
        let own = namespace(&ingress.metadata);
        self.services.extend(backends(ingress).map(|name| object_name((own, name))));
    }

    /// True if a finding is about what it has.
    pub(super) fn is_about(&self, finding: &Finding) -> bool {
        let object = &finding.object;
        match object.kind {
            "ingress" => self.names.contains(&Named(&object.namespace, &object.name)),
            "host" => self.hosts.iter().any(|host| host.to_string() == object.name),
            _ => false,
        }
    }

    /// The objects that have to do with it.
    pub(super) fn objects(&self, known: &Known, all: &Objects, options: &Options) -> Objects {
        let mut objects = Objects {
            ingresses: self.ingresses.clone(),
            ingress_classes: all.ingress_classes.clone(),
            secrets_known: all.secrets_known,
            ingress_classes_known: all.ingress_classes_known,
            now: all.now,
            ..Objects::default()
        };
        if !options.namespace_selector.is_empty() {
            objects.namespaces.clone_from(&all.namespaces);
        }
        let services = self.services.iter().map(|service| (&*service.namespace, &*service.name));
        known.add_services(services, &mut objects);
        let mut references = References::default();
        self.ingresses.iter().for_each(|ingress| references.ingress(ingress, true));
        known.add_secrets(references.secrets.iter(), &mut objects);
        if let Some(map) = &options.config_map {
            known.add_config_map(map, &mut objects);
        }
        objects
    }
}

/// Namespace and name, hashed as an [`ObjectName`].
#[derive(Hash)]
struct Named<'n>(&'n str, &'n str);

impl hashbrown::Equivalent<ObjectName> for Named<'_> {
    fn equivalent(&self, object: &ObjectName) -> bool {
        *object.namespace == *self.0 && *object.name == *self.1
    }
}

fn is_wildcard(host: &HostPattern) -> bool {
    matches!(host, HostPattern::Wildcard(_))
}

/// The wildcard by which a name without a certificate of its own gets one.
fn wildcard_above(host: &HostPattern) -> Option<HostPattern> {
    let HostPattern::Exact(name) = host else { return None };
    name.split_once('.').map(|(_, parent)| HostPattern::Wildcard(parent.into()))
}

fn object_name((namespace, name): Key<'_>) -> ObjectName {
    ObjectName { namespace: namespace.into(), name: name.into() }
}
