//! Whose a host is: what holds for all of it is said by nobody else.
//!
//! A host belongs to the namespace of the oldest Ingress that names it. Other namespaces may add paths to it, and nothing more: their
//! certificates, client certificates and passthrough would change what the owner's clients see.

use hashbrown::HashMap;
use k8s_openapi::api::networking::v1::IngressSpec;

use super::class::Served;
use super::rules::Rules;
use crate::route::HostPattern;

/// The owners of all hosts.
pub(super) struct Owners<'c, 'o> {
    served: &'c [Served<'o>],
    owners: &'c HashMap<HostPattern, usize>,
    /// The first Ingress that answers for all hosts without a rule.
    catch_all: Option<usize>,
}

impl<'c, 'o> Owners<'c, 'o> {
    pub(super) fn new(rules: &'c Rules<'o>, served: &'c [Served<'o>]) -> Self {
        let catch_all = served.iter().position(|ingress| is_catch_all(ingress.spec));
        Self { served, owners: &rules.owners, catch_all }
    }

    /// The first Ingress that names a host.
    pub(super) fn first(&self, host: &HostPattern) -> Option<usize> {
        let owner = self.owners.get(host).copied();
        owner.or(self.catch_all.filter(|_| *host == HostPattern::Any))
    }

    /// The namespace that a host belongs to.
    pub(super) fn namespace(&self, host: &HostPattern) -> Option<&'c str> {
        Some(&self.served.get(self.first(host)?)?.object.namespace)
    }

    /// All hosts that rules name, each with the first Ingress that does, in no particular order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'c HostPattern, &'c Served<'o>)> {
        self.owners.iter().filter_map(|(host, first)| Some((host, self.served.get(*first)?)))
    }

    /// True if a host belongs to the namespace of an Ingress.
    pub(super) fn owns(&self, ingress: &Served<'_>, host: &HostPattern) -> bool {
        self.namespace(host).is_some_and(|owner| *owner == *ingress.object.namespace)
    }
}

/// The hosts of an Ingress, each as often as a rule names it.
pub(super) fn hosts(ingress: &Served<'_>) -> impl Iterator<Item = HostPattern> {
    hosts_of(ingress.spec)
}

/// The same of its specification.
pub(super) fn hosts_of(spec: &IngressSpec) -> impl Iterator<Item = HostPattern> {
    let rules = spec.rules.iter().flatten();
    let named = rules.filter_map(|rule| HostPattern::parse(rule.host.as_deref().unwrap_or_default()).ok());
    named.chain(is_catch_all(spec).then_some(HostPattern::Any))
}

fn is_catch_all(spec: &IngressSpec) -> bool {
    spec.rules.as_ref().is_none_or(Vec::is_empty) && spec.default_backend.is_some()
}
