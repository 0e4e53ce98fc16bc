//! From what is left of the drafts to the table.

use std::sync::Arc;

use hashbrown::HashMap;

use super::class::Served;
use super::policies::Policies;
use super::report::{Finding, ObjectRef, Severity};
use super::rules::{Draft, Rules, Target};
use super::services::Services;
use crate::route::{Backend, HostPattern, PathPattern, Route, RouteTable};

/// What the routes are made from.
pub(super) struct Routes<'c, 'o> {
    pub(super) served: &'c [Served<'o>],
    /// Of each Ingress, in the same order.
    pub(super) policies: &'c [Policies],
    /// Of the default backend.
    pub(super) default: Policies,
    /// The table before.
    pub(super) earlier: &'c Arc<RouteTable>,
}

impl<'c> Routes<'c, '_> {
    /// Makes a route of each draft, of which none is left, and a host of each host that is named.
    pub(super) fn build(
        &self,
        rules: &mut Rules<'c>,
        services: &mut Services<'c>,
        findings: &mut Vec<Finding>,
    ) -> Arc<RouteTable> {
        let mut builder = RouteTable::builder();
        for host in rules.owners.keys() {
            builder = builder.host(host.clone());
        }
        let closed = self.closed();
        for draft in std::mem::take(&mut rules.drafts) {
            let owner = rules.owners.get(&draft.host).and_then(|owner| self.policies.get(*owner));
            let namespace = self.served.get(draft.ingress).map(|ingress| &*ingress.object.namespace);
            let denied = owner
                .and_then(|owner| owner.host_denied.as_ref())
                .or_else(|| closed.get(&(draft.host.clone(), namespace?)).copied());
            if let Some(route) = self.route(draft, denied, services) {
                builder = builder.route(route);
            }
        }
        if let Some(route) = self.default_route(services, findings) {
            builder = builder.default_route(route);
        }
        let (table, errors) = builder.build_parts(self.earlier);
        // The passes before leave no cause for this; if there is one after all, it costs one host and is seen.
        findings.extend(errors.into_iter().map(|(host, error)| {
            let object = ObjectRef::new("host", "", host.to_string());
            let message = format!("{error}; the host has no routes");
            Finding::new(Severity::Error, "HostNotBuilt", object, "", message, "report this as a defect")
        }));
        if table == **self.earlier { self.earlier.clone() } else { Arc::new(table) }
    }

    /// Hosts that are closed to all Ingresses of a namespace, by a denied one of them.
    fn closed(&self) -> HashMap<(HostPattern, &str), &Arc<str>> {
        let mut closed = HashMap::new();
        for (ingress, policies) in self.served.iter().zip(self.policies) {
            let Some(reason) = &policies.hosts_denied else { continue };
            for rule in ingress.spec.rules.iter().flatten() {
                if let Ok(host) = HostPattern::parse(rule.host.as_deref().unwrap_or_default()) {
                    closed.entry((host, &*ingress.object.namespace)).or_insert(reason);
                }
            }
        }
        closed
    }

    fn route(
        &self,
        draft: Draft<'c>,
        host_denied: Option<&Arc<str>>,
        services: &mut Services<'c>,
    ) -> Option<Route> {
        let (ingress, policies) = (self.served.get(draft.ingress)?, self.policies.get(draft.ingress)?);
        let backend = match (policies.denied.as_ref().or(host_denied), draft.target) {
            (Some(reason), _) => Backend::Denied(reason.clone()),
            (None, Target::Nobody(reason)) => Backend::Denied(reason.into()),
            (None, Target::Service { name, port }) => {
                let user = (draft.ingress, ingress);
                Backend::Upstream(services.of_backend(user, draft.place, (name, port)))
            }
        };
        let mut route = policies.route(draft.host, draft.path, backend);
        route.ingress = Some(ingress.object.clone());
        Some(route)
    }

    fn default_route(&self, services: &mut Services<'c>, findings: &mut Vec<Finding>) -> Option<Route> {
        let upstream = services.of_default(findings)?;
        let backend = match &self.default.denied {
            Some(reason) => Backend::Denied(reason.clone()),
            None => Backend::Upstream(upstream),
        };
        Some(self.default.route(HostPattern::Any, PathPattern::prefix("/").ok()?, backend))
    }
}
