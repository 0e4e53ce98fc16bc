//! What an Ingress has to do with: its hosts, and the Services and Secrets that it names. So it is found which Ingresses a change is for.
//!
//! A link is a hash. Two of one hash cost some work and change nothing: who is found by a link is compiled again, needed or not.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use k8s_openapi::api::networking::v1::{Ingress, IngressBackend};
use smallvec::SmallVec;

use super::index::namespace;
use super::owners;
use super::references::References;
use crate::route::HostPattern;

/// The link of an object with a namespace: a Service, or what belongs to it.
pub(super) fn service(namespace: &str, name: &str) -> u64 {
    link("service", namespace, name)
}

/// The link of a Secret.
pub(super) fn secret(namespace: &str, name: &str) -> u64 {
    link("secret", namespace, name)
}

/// The link of any other object, within its kind.
pub(super) fn object(namespace: &str, name: &str) -> u64 {
    link("", namespace, name)
}

fn link(kind: &str, namespace: &str, name: &str) -> u64 {
    FixedState::default().hash_one((kind, namespace, name))
}

fn host(host: &HostPattern) -> u64 {
    FixedState::default().hash_one(host)
}

/// All Ingresses by their links.
#[derive(Debug, Default)]
pub(super) struct Links {
    ingresses: HashMap<u64, SmallVec<[Arc<Ingress>; 1]>, FixedState>,
}

impl Links {
    /// Adds an Ingress.
    pub(super) fn add(&mut self, ingress: &Arc<Ingress>) {
        for link in links(ingress) {
            let linked = self.ingresses.entry(link).or_default();
            if linked.last().is_none_or(|last| !Arc::ptr_eq(last, ingress)) {
                linked.push(ingress.clone());
            }
        }
    }

    /// Takes an Ingress out.
    pub(super) fn remove(&mut self, ingress: &Arc<Ingress>) {
        for link in links(ingress) {
            let Some(linked) = self.ingresses.get_mut(&link) else { continue };
            if let Some(at) = linked.iter().position(|held| Arc::ptr_eq(held, ingress)) {
                linked.swap_remove(at);
            }
            if linked.is_empty() {
                self.ingresses.remove(&link);
            }
        }
    }

    /// The Ingresses with a link.
    pub(super) fn get(&self, link: u64) -> &[Arc<Ingress>] {
        self.ingresses.get(&link).map(SmallVec::as_slice).unwrap_or_default()
    }

    /// The Ingresses with a host.
    pub(super) fn of_host(&self, host: &HostPattern) -> &[Arc<Ingress>] {
        self.get(self::host(host))
    }
}

/// Each link of an Ingress, those of one kind one after the other; some may come twice.
fn links(ingress: &Ingress) -> impl Iterator<Item = u64> {
    let own = namespace(&ingress.metadata);
    let services = backends(ingress).map(move |name| service(own, name));
    // Whether it may name those of other namespaces is a matter of the ConfigMap.
    let mut references = References::default();
    references.ingress(ingress, true);
    let secrets = references.secrets.into_iter().map(|object| secret(&object.namespace, &object.name));
    hosts(ingress).map(|host| self::host(&host)).chain(services).chain(secrets)
}

/// The hosts of an Ingress, each as often as a rule names it.
pub(super) fn hosts(ingress: &Ingress) -> impl Iterator<Item = HostPattern> {
    ingress.spec.iter().flat_map(owners::hosts_of)
}

/// The names of the Services of all backends.
pub(super) fn backends(ingress: &Ingress) -> impl Iterator<Item = &str> {
    let spec = ingress.spec.as_ref();
    let rules = spec.into_iter().flat_map(|spec| spec.rules.iter().flatten());
    let paths = rules.flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths));
    let default = spec.and_then(|spec| spec.default_backend.as_ref());
    let backends = paths.map(|path| &path.backend).chain(default);
    backends.filter_map(|backend: &IngressBackend| Some(&*backend.service.as_ref()?.name))
}
