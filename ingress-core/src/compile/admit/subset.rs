//! The objects that a candidate has to do with. Finding them takes one look at each object; the compile then has little to do.

use std::sync::Arc;

use hashbrown::HashSet;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use crate::compile::index::{SERVICE_NAME, name, namespace};
use crate::compile::links::backends;
use crate::compile::{Objects, Options, References};

/// The candidate with a creation time. One that is only about to be created is the newest: the API server has given it a time already, but
/// in whole seconds, and by a clock of its own.
pub(super) fn dated(objects: &Objects, candidate: &Ingress) -> Ingress {
    let mut candidate = candidate.clone();
    let exists = objects.ingresses.iter().any(|ingress| is_same(&ingress.metadata, &candidate.metadata));
    let created = candidate.metadata.creation_timestamp.take().filter(|_| exists);
    candidate.metadata.creation_timestamp = Some(created.unwrap_or(Time(Timestamp::MAX)));
    candidate
}

fn is_same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    name(one) == name(other) && namespace(one) == namespace(other)
}

/// The candidate in place of its older self, the Ingresses that share a host with it, the Services that it names, and the Secrets that any of
/// them names.
pub(super) fn around(objects: &Objects, options: &Options, candidate: &Arc<Ingress>) -> Objects {
    let own = namespace(&candidate.metadata);
    let hosts = Hosts::of(candidate);
    let services: HashSet<&str> = backends(candidate).collect();
    let is_named =
        |names: &HashSet<&str>, meta: &ObjectMeta| names.contains(name(meta)) && namespace(meta) == own;
    let mut ingresses: Vec<_> = kept(&objects.ingresses, |ingress| {
        hosts.meet(ingress) && !is_same(&ingress.metadata, &candidate.metadata)
    });
    ingresses.push(candidate.clone());
    // Those of the others too: what they ask of clients decides about the candidate.
    let mut references = References::default();
    ingresses.iter().for_each(|ingress| references.ingress(ingress, true));
    let secrets: HashSet<_> =
        references.secrets.iter().map(|object| (&*object.namespace, &*object.name)).collect();
    let config_map = options.config_map.as_ref();
    Objects {
        ingresses,
        services: kept(&objects.services, |service| is_named(&services, &service.metadata)),
        endpoint_slices: kept(&objects.endpoint_slices, |slice| {
            let labels = slice.metadata.labels.as_ref();
            let service = labels.and_then(|labels| labels.get(SERVICE_NAME));
            service.is_some_and(|service| services.contains(&**service)) && namespace(&slice.metadata) == own
        }),
        endpoints: kept(&objects.endpoints, |endpoints| is_named(&services, &endpoints.metadata)),
        secrets: kept(&objects.secrets, |secret| {
            secrets.contains(&(namespace(&secret.metadata), name(&secret.metadata)))
        }),
        config_maps: kept(&objects.config_maps, |map| {
            config_map.is_some_and(|wanted| {
                name(&map.metadata) == &*wanted.name && namespace(&map.metadata) == &*wanted.namespace
            })
        }),
        ingress_classes: objects.ingress_classes.clone(),
        namespaces: objects.namespaces.clone(),
        secrets_known: objects.secrets_known,
        ingress_classes_known: objects.ingress_classes_known,
        findings: Vec::new(),
        now: objects.now,
    }
}

fn kept<K>(objects: &[Arc<K>], wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
    objects.iter().filter(|object| wanted(object)).cloned().collect()
}

/// The hosts of an Ingress, in lower case; the empty one stands for all hosts.
struct Hosts(HashSet<String>);

impl Hosts {
    fn of(ingress: &Ingress) -> Self {
        Self(hosts(ingress).map(str::to_ascii_lowercase).collect())
    }

    /// True if the Ingress has one of them.
    fn meet(&self, ingress: &Ingress) -> bool {
        hosts(ingress).any(|host| match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => self.0.contains(&host.to_ascii_lowercase()),
            false => self.0.contains(host),
        })
    }
}

/// The hosts of the rules. An Ingress without rules is for all hosts.
fn hosts(ingress: &Ingress) -> impl Iterator<Item = &str> {
    let rules = ingress.spec.iter().flat_map(|spec| spec.rules.iter().flatten());
    let all = ingress.spec.as_ref().and_then(|spec| spec.rules.as_ref()).is_none_or(Vec::is_empty);
    rules.map(|rule| rule.host.as_deref().unwrap_or_default()).chain(all.then_some(""))
}
