//! What answers where no path of a rule matches.
//!
//! | request | who answers |
//! |---|---|
//! | host named by a rule, path matched by none | `spec.defaultBackend` of the **first** Ingress that names the host; else the global default backend; else 404 |
//! | host named by no rule, path matched by a rule without host | that rule |
//! | host named by no rule, path matched by none | `spec.defaultBackend` of the first Ingress **without rules**; else the global default backend; else 404 |
//!
//! "First" is the order of conflicts: the oldest. These are the rules of ingress-nginx, and they are made of three parts:
//!
//! * A host whose owner has a default backend gets a Prefix `/` that leads there, unless a rule declares that path: the *implicit root*.
//! * The default backend of an Ingress without rules is a Prefix `/` on the catch-all host, again unless a rule declares it.
//! * The global default backend is the [default route](crate::RouteTable::default_route) of the table, which is asked whenever a host has no
//!   route for a path. So no host needs an implicit root of its own for it, and a host without any route is declared all the same: it must
//!   not fall to a wildcard or to the catch-all host.
//!
//! An Ingress that has rules gives its default backend only to hosts that it names first. One that is used nowhere gets a finding.

use hashbrown::HashSet;

use super::class::Served;
use super::report::Finding;
use super::rules::{Draft, Place, Rules, target};
use crate::route::{HostPattern, PathPattern};

/// Adds the implicit roots to the drafts that won.
pub(super) fn add<'o>(rules: &mut Rules<'o>, served: &[Served<'o>], findings: &mut Vec<Finding>) {
    let Ok(root) = PathPattern::prefix("/") else { return };
    let is_root = |draft: &&Draft<'_>| !draft.path.is_exact() && draft.path.normal() == "/";
    let mut rooted: HashSet<HostPattern> =
        rules.drafts.iter().filter(is_root).map(|draft| draft.host.clone()).collect();
    let mut owned: Vec<Vec<&HostPattern>> = served.iter().map(|_| Vec::new()).collect();
    // The catch-all host exists before anybody names it, so it is nobody's to give a default backend to.
    for (host, owner) in rules.owners.iter().filter(|(host, _)| **host != HostPattern::Any) {
        if let Some(hosts) = owned.get_mut(*owner) {
            hosts.push(host);
        }
    }
    let mut roots = Vec::new();
    for (index, (ingress, mut hosts)) in served.iter().zip(owned).enumerate() {
        let Some(backend) = &ingress.spec.default_backend else { continue };
        let Some(target) = target(ingress, Place::Default, backend, findings) else { continue };
        let catch_all = ingress.spec.rules.as_ref().is_none_or(Vec::is_empty);
        if catch_all {
            hosts.push(&HostPattern::Any);
        }
        hosts.sort_unstable();
        let before = roots.len();
        for host in hosts {
            if rooted.insert(host.clone()) {
                let (host, path) = (host.clone(), root.clone());
                roots.push(Draft { ingress: index, place: Place::Default, host, path, target });
            }
        }
        if roots.len() == before {
            findings.push(unused(ingress, catch_all));
        }
    }
    rules.drafts.append(&mut roots);
}

fn unused(ingress: &Served<'_>, catch_all: bool) -> Finding {
    let (message, remedy) = if catch_all {
        let message =
            "another ingress takes all hosts already, by an older default backend or by a rule for \"/\"";
        (message, "keep one of them")
    } else {
        let message = "it is used for no host: each host of this ingress has a rule for \"/\" or is named by an \
                       older ingress first, and rules without host do not count";
        (message, "remove it, or move it to an ingress without rules to answer for all hosts")
    };
    ingress.warning("UnusedDefaultBackend", "spec.defaultBackend", message, remedy)
}
