//! The labels of a request's series.

use http::Method;
use ingress_core::{Backend, Route};

use super::text::Labels;

/// What ingress-nginx writes for a value that there is not.
const NONE: &str = "-";

/// What a series is about, but for method and status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'s> {
    /// The route that names Ingress and Service.
    pub(super) route: Option<&'s Route>,
    /// The path matched no rule of the route's host, so all that is taken from the route is the Ingress, to which ingress-nginx counts it.
    pub(super) unmatched: bool,
    /// The host; `None` if there is no such label.
    pub(super) host: Option<&'s str>,
}

/// Writes the labels into `labels`, which is emptied first.
pub(super) fn write(labels: &mut Labels, subject: Subject<'_>, method: &str, status: &str) {
    let route = subject.route;
    let ingress = route.and_then(|route| route.ingress.as_ref());
    let matched = route.filter(|_| !subject.unmatched);
    let path = match (matched, route) {
        (Some(route), _) => route.path.as_str(),
        (None, Some(_)) => "/",
        (None, None) => NONE,
    };
    labels.clear();
    labels.add("status", status);
    labels.add("method", method);
    labels.add("path", path);
    labels.add("namespace", ingress.map_or(NONE, |ingress| &ingress.namespace));
    labels.add("ingress", ingress.map_or(NONE, |ingress| &ingress.name));
    labels.add("service", matched.and_then(|route| service(&route.backend)).unwrap_or(NONE));
    // The upstream of a canary; the label is there so that queries which name it work.
    labels.add("canary", "");
    if let Some(host) = subject.host {
        labels.add("host", if host.is_empty() { NONE } else { host });
    }
}

/// The Service in `namespace/service:port`, the name of an upstream.
fn service(backend: &Backend) -> Option<&str> {
    let Backend::Upstream(name) = backend else { return None };
    let (_, service) = name.split_once('/')?;
    Some(service.rsplit_once(':').map_or(service, |(service, _)| service))
}

/// The methods that nginx knows by name; any other token is one of a kind, or else anybody could make series up.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 16] = [
        "GET",
        "POST",
        "PUT",
        "HEAD",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "CONNECT",
        "TRACE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
    ];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// A status as a label: `204`, or `2xx`.
pub(super) fn status(status: u16, classes: bool) -> String {
    if classes { format!("{}xx", status / 100) } else { status.to_string() }
}
