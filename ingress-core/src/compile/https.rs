//! Which routes send plain requests to HTTPS.

use hashbrown::HashMap;

use super::class::Served;
use super::rules::Place;
use crate::policy::{Https, HttpsRedirect, HttpsRules};
use crate::route::{HostPattern, PathPattern};

/// What decides beside the rules of an Ingress.
pub(super) struct Redirects<'c> {
    /// Paths of rules that begin so are served over plain HTTP too.
    pub(super) plain_paths: &'c [String],
    /// Our port as redirects name it.
    pub(super) port: u16,
    /// Whether a host has a certificate, or a place where the default one stands in.
    pub(super) has_certificate: &'c dyn Fn(&HostPattern) -> bool,
}

impl Redirects<'_> {
    /// What becomes of plain requests to a route.
    pub(super) fn https(
        &self,
        rules: &HttpsRules,
        (host, path): (&HostPattern, &PathPattern),
        place: Place,
    ) -> Https {
        // As in ingress-nginx: the default backend of an Ingress without rules answers for hosts of which it knows nothing.
        let catch_all = matches!(place, Place::Default) && *host == HostPattern::Any;
        let exempt = self.plain_paths.iter().any(|plain| path.as_str().starts_with(plain));
        let wanted = rules.always || rules.with_certificate && (self.has_certificate)(host);
        let redirect = (wanted && !exempt && !catch_all)
            .then(|| HttpsRedirect { port: rules.name_port.then_some(self.port), ..rules.redirect });
        Https::new(redirect, exempt)
    }
}

/// For each host, whether the first Ingress that has rules for it and a TLS section lists it there.
pub(super) fn listed(served: &[Served<'_>]) -> HashMap<HostPattern, bool> {
    let mut listed = HashMap::new();
    for ingress in served {
        let tls = ingress.spec.tls.iter().flatten();
        let names = || tls.clone().flat_map(|tls| tls.hosts.iter().flatten());
        if tls.clone().next().is_none() {
            continue;
        }
        for rule in ingress.spec.rules.iter().flatten() {
            let Some(name) = rule.host.as_deref().filter(|name| !name.is_empty()) else { continue };
            if let Ok(host) = HostPattern::parse(name) {
                listed.entry(host).or_insert_with(|| names().any(|listed| listed.eq_ignore_ascii_case(name)));
            }
        }
    }
    listed
}

/// Looks a host up as certificates are: its own name, then the wildcard one label up.
pub(super) fn is_listed(listed: &HashMap<HostPattern, bool>, host: &HostPattern) -> bool {
    let held = |host: &HostPattern| listed.get(host).is_some_and(|listed| *listed);
    match host {
        HostPattern::Any => false,
        HostPattern::Wildcard(_) => held(host),
        HostPattern::Exact(name) => {
            let parent = name.split_once('.').map(|(_, parent)| HostPattern::Wildcard(parent.into()));
            held(host) || parent.is_some_and(|parent| held(&parent))
        }
    }
}
