//! Which routes send plain requests to HTTPS.

use super::rules::Place;
use crate::policy::{Https, HttpsRedirect, HttpsRules};
use crate::route::{HostPattern, PathPattern};
use crate::tls::TlsTable;

/// What decides beside the rules of an Ingress.
pub(super) struct Redirects<'c> {
    /// Paths of rules that begin so are served over plain HTTP too.
    pub(super) plain_paths: &'c [String],
    /// Our port as redirects name it.
    pub(super) port: u16,
    /// Which hosts have a certificate, or a place where the default one stands in.
    pub(super) certificates: &'c TlsTable,
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
        let wanted = rules.always || rules.with_certificate && has_certificate(self.certificates, host);
        let redirect = (wanted && !exempt && !catch_all)
            .then(|| HttpsRedirect { port: rules.name_port.then_some(self.port), ..rules.redirect });
        Https::new(redirect, exempt)
    }
}

/// Looks a host up as certificates are: its own name, then the wildcard one label up.
fn has_certificate(certificates: &TlsTable, host: &HostPattern) -> bool {
    match host {
        HostPattern::Any => false,
        HostPattern::Exact(name) => certificates.has_certificate(name),
        HostPattern::Wildcard(_) => certificates.has_certificate(&host.to_string()),
    }
}
