//! From what is left of the drafts to the table.

use std::sync::Arc;

use hashbrown::HashMap;

use super::class::Served;
use super::https::Redirects;
use super::policies::Policies;
use super::report::{Finding, ObjectRef, Severity};
use super::rules::{Draft, Rules, Target};
use super::services::Services;
use super::transport::Transports;
use crate::policy::{Https, Transport};
use crate::route::{Backend, HostPattern, PathPattern, PathSets, Route, RouteTable};
use crate::tls::Guard;

/// What the routes are made from.
pub(super) struct Routes<'c, 'o, 't> {
    pub(super) served: &'c [Served<'o>],
    /// Of each Ingress, in the same order.
    pub(super) policies: &'c [Policies],
    pub(super) transports: &'c Transports<'c>,
    pub(super) redirects: Redirects<'t>,
    /// Of the default backend. It is spoken to over plain HTTP, and answers whoever asks: no redirect is for it.
    pub(super) default: Policies,
    /// The table before.
    pub(super) earlier: &'c Arc<RouteTable>,
}

impl<'c> Routes<'c, '_, '_> {
    /// Makes a route of each draft, of which none is left, and a host of each host that is named.
    pub(super) fn build(
        &self,
        rules: &mut Rules<'c>,
        (services, paths): (&mut Services<'c>, &mut PathSets),
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
        let (table, errors) = builder.build_parts(self.earlier, paths);
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
        let user = (draft.ingress, ingress);
        let denied = policies.denied.as_ref().or(self.transports.denied(draft.ingress)).or(host_denied);
        let (backend, transport) = match (denied, draft.target) {
            (Some(reason), _) => (Backend::Denied(reason.clone()), Transport::default()),
            (None, Target::Nobody(reason)) => (Backend::Denied(reason.into()), Transport::default()),
            (None, Target::Service { name, port }) => {
                let (upstream, speaks) = services.of_backend(user, draft.place, (name, port));
                match self.transports.of(user, &draft.host, speaks) {
                    Guard::Ready(transport) => (Backend::Upstream(upstream), transport),
                    Guard::Denied(reason) => (Backend::Denied(reason), Transport::default()),
                }
            }
        };
        let at = (&draft.host, &draft.path);
        let https = self.redirects.https(&policies.https, at, draft.place);
        let mut route = policies.route(draft.host, draft.path, backend);
        // Who is denied learns it at once, not at the end of a redirect.
        route.https = match route.backend {
            Backend::Denied(_) => Https::new(None, https.exempt),
            Backend::Upstream(_) => https,
        };
        route.transport = transport;
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
