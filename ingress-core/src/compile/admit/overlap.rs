//! Paths that another Ingress has already.
//!
//! Host and path text count, not the type of the path, as in ingress-nginx. Where one of the two has the annotation `canary`, with whatever
//! value, they may share the path; two canaries may not, where nobody else has it.

use std::sync::Arc;

use k8s_openapi::api::networking::v1::Ingress;

use crate::annotation;
use crate::compile::index::{name, namespace};
use crate::compile::{Compiled, Objects};
use crate::route::{HostPattern, ObjectName};

/// Why the candidate is refused, if so; and which younger Ingresses get no requests because of it.
pub(super) fn look(
    objects: &Objects,
    compiled: &Compiled,
    candidate: &Ingress,
) -> (Option<String>, Vec<String>) {
    let own = object_name(candidate);
    let others: Vec<(ObjectName, &Ingress)> = objects
        .ingresses
        .iter()
        .map(|ingress| (object_name(ingress), &**ingress))
        .filter(|(name, _)| *name != own && compiled.report.ours.binary_search(name).is_ok())
        .collect();
    let mut warnings = Vec::new();
    for (host, path) in paths(candidate) {
        let place = Place { host, path };
        let owners = place.owners(compiled);
        for (other, ingress) in others.iter().filter(|(_, other)| place.is_in(other)) {
            let (host, path) = (if host.is_empty() { "_" } else { host }, path);
            if owners.contains(&other) && !is_marked(candidate) && !is_marked(ingress)
                || owners.is_empty() && is_canary(candidate) && is_canary(ingress)
            {
                let refused =
                    format!("host {host:?} and path {path:?} is already defined in ingress {other}");
                return (Some(refused), warnings);
            }
            if owners.contains(&&own) && !is_marked(ingress) {
                warnings.push(format!(
                    "host {host:?} and path {path:?} is also defined in ingress {other}, which is younger and gets no requests for it"
                ));
            }
        }
    }
    (None, warnings)
}

/// A host and the text of a path.
struct Place<'c> {
    host: &'c str,
    path: &'c str,
}

impl Place<'_> {
    /// The Ingresses that serve it: one for each type of path.
    fn owners<'t>(&self, compiled: &'t Compiled) -> Vec<&'t ObjectName> {
        let host = HostPattern::parse(self.host).ok();
        let routes = host.and_then(|host| compiled.snapshot.routes.pattern(&host));
        let routes = routes.into_iter().flat_map(|host| host.routes());
        routes
            .filter(|route| route.path.as_str() == self.path)
            .filter_map(|route| route.ingress.as_ref())
            .collect()
    }

    /// True if a rule of the Ingress has it. A default backend has none.
    fn is_in(&self, ingress: &Ingress) -> bool {
        paths(ingress).any(|(host, path)| host.eq_ignore_ascii_case(self.host) && path == self.path)
    }
}

/// Host and path of each path; an empty path is `/`.
fn paths(ingress: &Ingress) -> impl Iterator<Item = (&str, &str)> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    rules.flat_map(|rule| {
        let host = rule.host.as_deref().unwrap_or_default();
        let paths = rule.http.iter().flat_map(|http| &http.paths);
        paths.map(move |path| (host, path.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/")))
    })
}

fn object_name(ingress: &Ingress) -> ObjectName {
    let meta = &ingress.metadata;
    ObjectName { namespace: Arc::from(namespace(meta)), name: Arc::from(name(meta)) }
}

fn canary(ingress: &Ingress) -> Option<&str> {
    annotation::value(ingress.metadata.annotations.as_ref()?, "canary")
}

fn is_marked(ingress: &Ingress) -> bool {
    canary(ingress).is_some()
}

fn is_canary(ingress: &Ingress) -> bool {
    canary(ingress).is_some_and(annotation::is_true)
}
