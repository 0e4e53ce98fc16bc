//! Looking objects up by name.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Objects;
use super::report::{Finding, ObjectRef, Severity};

/// The label of an EndpointSlice that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Namespace and name.
pub(super) type Key<'o> = (&'o str, &'o str);

/// The objects of one compile by name. Of two objects with one name it holds the same one whatever their order.
pub(super) struct Index<'o> {
    pub(super) ingresses: HashMap<Key<'o>, &'o Ingress>,
    pub(super) classes: HashMap<Key<'o>, &'o IngressClass>,
    pub(super) services: HashMap<Key<'o>, &'o Service>,
    pub(super) endpoints: HashMap<Key<'o>, &'o Endpoints>,
    /// By the Service that they are for.
    pub(super) slices: HashMap<Key<'o>, Vec<&'o EndpointSlice>>,
    /// Those without [`SERVICE_NAME`].
    pub(super) stray_slices: Vec<&'o EndpointSlice>,
}

impl<'o> Index<'o> {
    pub(super) fn new(objects: &'o Objects, findings: &mut Vec<Finding>) -> Self {
        let mut slices: HashMap<Key<'o>, Vec<&'o EndpointSlice>> = HashMap::new();
        let mut stray_slices = Vec::new();
        for slice in &objects.endpoint_slices {
            let label = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME));
            match label {
                Some(service) => slices.entry((namespace(&slice.metadata), service)).or_default().push(slice),
                None => stray_slices.push(&**slice),
            }
        }
        Self {
            ingresses: unique("ingress", namespace, &objects.ingresses, findings),
            classes: unique("ingressclass", |_| "", &objects.ingress_classes, findings),
            services: unique("service", namespace, &objects.services, findings),
            endpoints: unique("endpoints", namespace, &objects.endpoints, findings),
            slices,
            stray_slices,
        }
    }

    /// The IngressClass of a name.
    pub(super) fn class(&self, name: &str) -> Option<&'o IngressClass> {
        self.classes.get(&("", name)).copied()
    }
}

/// The namespace of an object; one from a file may leave it out.
pub(super) fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default")
}

/// The name of an object.
pub(super) fn name(meta: &ObjectMeta) -> &str {
    meta.name.as_deref().unwrap_or_default()
}

/// Names an object in a finding.
pub(super) fn reference(kind: &'static str, meta: &ObjectMeta) -> ObjectRef {
    ObjectRef::new(kind, namespace(meta), name(meta))
}

/// One object of each name. The API server knows no two; files may. Which of them stays depends on their content alone.
fn unique<'o, K>(
    kind: &'static str,
    namespace: fn(&ObjectMeta) -> &str,
    objects: &'o [Arc<K>],
    findings: &mut Vec<Finding>,
) -> HashMap<Key<'o>, &'o K>
where
    K: Metadata<Ty = ObjectMeta> + PartialEq + serde::Serialize,
{
    let mut held: HashMap<Key<'o>, &'o K> = HashMap::with_capacity(objects.len());
    for object in objects {
        let meta = object.metadata();
        match held.entry((namespace(meta), name(meta))) {
            Entry::Vacant(entry) => drop(entry.insert(object)),
            Entry::Occupied(mut entry) if **entry.get() != **object => {
                if text(&**object) < text(*entry.get()) {
                    entry.insert(object);
                }
                findings.push(Finding::new(
                    Severity::Error,
                    "DuplicateObject",
                    ObjectRef::new(kind, namespace(meta), name(meta)),
                    "metadata.name",
                    "there are several different objects of this kind, namespace and name; only one is read",
                    "delete or rename the others",
                ));
            }
            Entry::Occupied(_) => {}
        }
    }
    held
}

fn text(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).unwrap_or_default()
}
