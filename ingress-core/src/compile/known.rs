//! The objects of the last compile, and what has changed since.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use hashbrown::{HashMap, HashSet};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::index::{Key, SERVICE_NAME, name, namespace};
use super::links::{self, Links};
use super::report::Finding;
use super::seen::{Difference, Handle, Seen};
use super::{Objects, Options};
use crate::route::ObjectName;

/// All objects that the last compile saw. Of Secrets only the addresses: nothing here keeps a key alive.
#[derive(Debug)]
pub(super) struct Known {
    ingresses: Seen<Ingress>,
    services: Seen<Service>,
    /// Linked to their Services.
    slices: Seen<EndpointSlice>,
    endpoints: Seen<Endpoints>,
    secrets: Seen<Secret, Weak<Secret>>,
    config_maps: Seen<ConfigMap>,
    classes: Seen<IngressClass>,
    namespaces: Seen<Namespace>,
    links: Links,
    /// Slices that name no Service.
    stray: Vec<Arc<EndpointSlice>>,
    /// What the source found.
    findings: Vec<Finding>,
    secrets_known: bool,
    classes_known: bool,
}

/// What has changed, if that is not for all.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// As they were.
    pub(super) before: Vec<Arc<Ingress>>,
    /// As they are.
    pub(super) after: Vec<Arc<Ingress>>,
    /// The Services themselves, by their links.
    pub(super) services: Vec<u64>,
    /// Services that have other endpoints.
    pub(super) endpoints: BTreeSet<ObjectName>,
    /// Secrets, by their links.
    pub(super) secrets: Vec<u64>,
    /// Where Secrets were that are no more, or are another allocation.
    pub(super) gone_secrets: Vec<usize>,
    /// There are other slices that name no Service.
    pub(super) stray: bool,
}

impl Known {
    /// Remembers all objects; `None` if two have one name: which of them is read is not for a part of them to say.
    pub(super) fn new(objects: &Objects) -> Option<Self> {
        let mut known = Self {
            ingresses: Seen::new(|ingress| {
                links::object(namespace(&ingress.metadata), name(&ingress.metadata))
            }),
            services: Seen::new(|service| {
                links::service(namespace(&service.metadata), name(&service.metadata))
            }),
            slices: Seen::new(link_of_slice),
            endpoints: Seen::new(|endpoints| {
                links::service(namespace(&endpoints.metadata), name(&endpoints.metadata))
            }),
            secrets: Seen::new(|secret| links::secret(namespace(&secret.metadata), name(&secret.metadata))),
            config_maps: Seen::new(|map| links::object(namespace(&map.metadata), name(&map.metadata))),
            classes: Seen::new(|class| links::object("", name(&class.metadata))),
            namespaces: Seen::new(|namespace| links::object("", name(&namespace.metadata))),
            links: Links::default(),
            stray: Vec::new(),
            findings: objects.findings.clone(),
            secrets_known: objects.secrets_known,
            classes_known: objects.ingress_classes_known,
        };
        known.config_maps.follow(&objects.config_maps);
        known.classes.follow(&objects.ingress_classes);
        known.namespaces.follow(&objects.namespaces);
        known.changes(objects).map(|_| known)
    }

    /// Takes up what has changed; `None` if that may be for all. Then this is of no use any more.
    pub(super) fn follow(&mut self, objects: &Objects, options: &Options) -> Option<Changes> {
        let same = self.findings == objects.findings
            && self.secrets_known == objects.secrets_known
            && self.classes_known == objects.ingress_classes_known;
        let classes = Changed::of(&self.classes.follow(&objects.ingress_classes));
        let namespaces = Changed::of(&self.namespaces.follow(&objects.namespaces));
        let maps = Changed::of(&self.config_maps.follow(&objects.config_maps));
        let named = [&options.config_map, &options.tcp_services, &options.udp_services];
        let is_read = |map: &Arc<ConfigMap>| {
            let (namespace, name) = (namespace(&map.metadata), name(&map.metadata));
            named.into_iter().flatten().any(|map| &*map.name == name && &*map.namespace == namespace)
        };
        let for_all = !same
            || !classes.is_empty()
            || !(namespaces.is_empty() || options.namespace_selector.is_empty())
            || maps.all().any(is_read);
        if for_all {
            return None;
        }
        let changes = self.changes(objects)?;
        // Whether anybody is in the default backend decides about a route, and the certificate stands in for all hosts.
        let backend = options.default_backend_service.as_ref();
        let backend_changed = backend.is_some_and(|service| {
            changes.endpoints.contains(service)
                || changes.services.contains(&links::service(&service.namespace, &service.name))
        });
        let certificate = options.default_certificate.as_ref();
        let certificate_changed = certificate
            .is_some_and(|secret| changes.secrets.contains(&links::secret(&secret.namespace, &secret.name)));
        (!backend_changed && !certificate_changed).then_some(changes)
    }

    /// Takes up what has changed of the kinds that only some Ingresses have to do with.
    fn changes(&mut self, objects: &Objects) -> Option<Changes> {
        let mut changes = Changes::default();
        let ingresses = follow(&mut self.ingresses, &objects.ingresses)?;
        ingresses.gone.iter().for_each(|(ingress, _)| self.links.remove(ingress));
        ingresses.come.iter().for_each(|(ingress, _)| self.links.add(ingress));
        let Changed { before, after } = Changed::of(&ingresses);
        (changes.before, changes.after) = (before, after);
        let services = Changed::of(&follow(&mut self.services, &objects.services)?);
        let link =
            |service: &Arc<Service>| links::service(namespace(&service.metadata), name(&service.metadata));
        changes.services = services.all().map(link).collect();
        let endpoints = Changed::of(&follow(&mut self.endpoints, &objects.endpoints)?);
        changes.endpoints.extend(
            endpoints
                .all()
                .map(|endpoints| object_name(namespace(&endpoints.metadata), name(&endpoints.metadata))),
        );
        let slices = self.slices.follow(&objects.endpoint_slices);
        let gone: HashSet<_> = slices.gone.iter().map(|(gone, _)| Arc::as_ptr(gone)).collect();
        self.stray.retain(|stray| !gone.contains(&Arc::as_ptr(stray)));
        let stray = slices.come.iter().filter(|(slice, _)| service_of(slice).is_none());
        self.stray.extend(stray.map(|(slice, _)| slice.clone()));
        for slice in Changed::of(&slices).all() {
            match service_of(slice) {
                Some(service) => {
                    changes.endpoints.insert(object_name(namespace(&slice.metadata), service));
                }
                None => changes.stray = true,
            }
        }
        let secrets = follow(&mut self.secrets, &objects.secrets)?;
        changes.gone_secrets = secrets.gone.iter().map(|(secret, _)| secret.address()).collect();
        let (gone, come) = (secrets.gone.iter(), secrets.come.iter());
        changes.secrets = gone.map(|(_, link)| *link).chain(come.map(|(_, link)| *link)).collect();
        Some(changes)
    }

    /// Which Ingresses have to do with what.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// Slices that name no Service.
    pub(super) fn stray(&self) -> &[Arc<EndpointSlice>] {
        &self.stray
    }

    /// How many Ingresses there are, whosever.
    pub(super) fn ingresses(&self) -> usize {
        self.ingresses.len()
    }

    /// Adds the Services of these names, with what says who is in them.
    pub(super) fn add_services<'n>(&self, names: impl Iterator<Item = Key<'n>>, objects: &mut Objects) {
        for key in names {
            let link = links::service(key.0, key.1);
            let is_it = |meta: &ObjectMeta| namespace(meta) == key.0 && name(meta) == key.1;
            objects.services.extend(self.services.linked(link).filter(|service| is_it(&service.metadata)));
            objects.endpoints.extend(self.endpoints.linked(link).filter(|other| is_it(&other.metadata)));
            let belongs = |slice: &Arc<EndpointSlice>| {
                namespace(&slice.metadata) == key.0 && service_of(slice) == Some(key.1)
            };
            objects.endpoint_slices.extend(self.slices.linked(link).filter(belongs));
        }
    }

    /// Adds the Secrets of these names.
    pub(super) fn add_secrets<'n>(&self, names: impl Iterator<Item = &'n ObjectName>, objects: &mut Objects) {
        for object in names {
            let linked = self.secrets.linked(links::secret(&object.namespace, &object.name));
            objects.secrets.extend(linked.filter(|secret| {
                namespace(&secret.metadata) == &*object.namespace && name(&secret.metadata) == &*object.name
            }));
        }
    }

    /// Adds the ConfigMap of a name.
    pub(super) fn add_config_map(&self, object: &ObjectName, objects: &mut Objects) {
        let linked = self.config_maps.linked(links::object(&object.namespace, &object.name));
        objects.config_maps.extend(linked);
    }
}

/// Objects that are no more or have changed, as they were; and those that are new or have changed, as they are.
struct Changed<K> {
    before: Vec<Arc<K>>,
    after: Vec<Arc<K>>,
}

impl<K: Metadata<Ty = ObjectMeta> + PartialEq> Changed<K> {
    /// Without those that were only read again.
    fn of(difference: &Difference<K>) -> Self {
        let address = |object: &Arc<K>| Arc::as_ptr(object).addr();
        let gone: HashMap<Key<'_>, &Arc<K>> =
            difference.gone.iter().map(|(object, _)| (key(object), object)).collect();
        let again = difference.come.iter().filter_map(|(new, _)| {
            let old = gone.get(&key(new)).filter(|old| **old == new)?;
            Some([address(old), address(new)])
        });
        let again: HashSet<usize> = again.flatten().collect();
        let of = |objects: &[(Arc<K>, u64)]| -> Vec<Arc<K>> {
            let objects = objects.iter().map(|(object, _)| object);
            objects.filter(|object| !again.contains(&address(object))).cloned().collect()
        };
        Self { before: of(&difference.gone), after: of(&difference.come) }
    }

    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.before.iter().chain(&self.after)
    }
}

/// Takes a list up in which no two may have one name.
fn follow<K, H>(seen: &mut Seen<K, H>, list: &[Arc<K>]) -> Option<Difference<K, H>>
where
    K: Metadata<Ty = ObjectMeta>,
    H: Handle<K>,
{
    let difference = seen.follow(list);
    let is_alone = |(object, link): &(Arc<K>, u64)| {
        seen.linked(*link).filter(|other| key(other) == key(object)).count() == 1
    };
    difference.come.iter().all(is_alone).then_some(difference)
}

fn key<K: Metadata<Ty = ObjectMeta>>(object: &Arc<K>) -> Key<'_> {
    (namespace(object.metadata()), name(object.metadata()))
}

fn object_name(namespace: &str, name: &str) -> ObjectName {
    ObjectName { namespace: namespace.into(), name: name.into() }
}

/// The Service that a slice belongs to.
fn service_of(slice: &EndpointSlice) -> Option<&str> {
    slice.metadata.labels.as_ref()?.get(SERVICE_NAME).map(String::as_str)
}

fn link_of_slice(slice: &EndpointSlice) -> u64 {
    let namespace = namespace(&slice.metadata);
    match service_of(slice) {
        Some(service) => links::service(namespace, service),
        None => links::object(namespace, name(&slice.metadata)),
    }
}
