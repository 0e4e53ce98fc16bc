//! Paths that another Ingress has already.
//!
//! Host and path text count, not the type of the path, as in ingress-nginx. Where one of the two has the annotation `canary`, with whatever
//! value, they may share the path; two canaries may not, where nobody else has it.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
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
    let places = Places::of(candidate, &others, compiled);
    let mut warnings = Vec::new();
    for (host, path) in paths(candidate) {
        let Some(Place { owners, others }) = places.get(host, path) else { continue };
        for (other, ingress) in others {
            let host = if host.is_empty() { "_" } else { host };
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

/// What there is of a host and the text of a path.
#[derive(Default)]
struct Place<'c> {
    /// The Ingresses that serve it: one for each type of path.
    owners: Vec<&'c ObjectName>,
    /// The other Ingresses with a rule for it. A default backend is none.
    others: Vec<&'c (ObjectName, &'c Ingress)>,
}

/// The places of a candidate, by host in lower case and path. Found with one look at each path of each Ingress: a candidate may have
/// thousands.
struct Places<'c>(HashMap<(Cow<'c, str>, &'c str), Place<'c>>);

impl<'c> Places<'c> {
    fn of(candidate: &'c Ingress, others: &'c [(ObjectName, &'c Ingress)], compiled: &'c Compiled) -> Self {
        let places = paths(candidate).map(|(host, path)| ((lower(host), path), Place::default()));
        let mut places: HashMap<_, _> = places.collect();
        let mut hosts: Vec<_> = places.keys().map(|(host, _)| host.clone()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        for host in hosts {
            let pattern = HostPattern::parse(&host).ok();
            let routes = pattern.and_then(|pattern| compiled.snapshot.routes.pattern(&pattern));
            for route in routes.into_iter().flat_map(|host| host.routes()) {
                if let Some(place) = places.get_mut(&(host.clone(), route.path.as_str())) {
                    place.owners.extend(&route.ingress);
                }
            }
        }
        for other in others {
            for (host, path) in paths(other.1) {
                let place = places.get_mut(&(lower(host), path));
                // The same Ingress may have it twice.
                let place = place.filter(|place| place.others.last().is_none_or(|last| last.0 != other.0));
                if let Some(place) = place {
                    place.others.push(other);
                }
            }
        }
        Self(places)
    }

    fn get(&self, host: &'c str, path: &'c str) -> Option<&Place<'c>> {
        self.0.get(&(lower(host), path))
    }
}

fn lower(host: &str) -> Cow<'_, str> {
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
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
