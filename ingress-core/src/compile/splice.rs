//! What was compiled of a part takes its place in the whole.

use std::sync::Arc;

use super::part::Part;
use super::uses::Change;
use crate::route::{HostPattern, RouteTable};
use crate::snapshot::{Snapshot, Upstreams};
use crate::tls::TlsTable;

/// True if there is more to compile than the part: a wildcard has a certificate now, or has none any more.
pub(super) fn is_for_more(part: &Part, before: &TlsTable, after: &TlsTable) -> bool {
    let mut wildcards = part.hosts.iter().filter(|host| matches!(host, HostPattern::Wildcard(_)));
    wildcards.any(|host| before.has_place(host) != after.has_place(host))
}

/// Takes over the hosts of the part: their routes, and what holds for their handshakes.
pub(super) fn hosts(whole: &mut Snapshot, part: &Part, compiled: &Snapshot) {
    let (mut routes, mut tls) = (None, None);
    for host in &part.hosts {
        let (held, made) = (whole.routes.pattern(host), compiled.routes.pattern(host));
        if held.map(Arc::as_ptr) != made.map(Arc::as_ptr) {
            routes.get_or_insert_with(|| RouteTable::clone(&whole.routes)).set(host, made.cloned());
        }
        if !whole.tls.is_same_for(&compiled.tls, host) {
            tls.get_or_insert_with(|| TlsTable::clone(&whole.tls)).take_over(&compiled.tls, host);
        }
    }
    if let Some(routes) = routes {
        whole.routes = Arc::new(routes);
    }
    if let Some(tls) = tls {
        whole.tls = Arc::new(tls);
    }
}

/// Takes over upstreams that are new or have changed, and drops those that nobody uses any more.
pub(super) fn upstreams(whole: &mut Snapshot, change: &mut Change) {
    let default = whole.routes.default_route().and_then(|route| route.backend.upstream());
    let mut upstreams = Upstreams::clone(&whole.upstreams);
    let unused = change.unused.iter().filter(|name| default != Some(name));
    unused.for_each(|name| upstreams.remove(name));
    change.upstreams.drain(..).for_each(|upstream| upstreams.put(upstream));
    if upstreams != *whole.upstreams {
        whole.upstreams = Arc::new(upstreams);
    }
}
