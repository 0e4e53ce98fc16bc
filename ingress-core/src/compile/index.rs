//! Looking objects up by name.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Objects;
use super::report::{Finding, ObjectRef, Severity};

/// The label of an EndpointSlice that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Namespace and name.
pub(super) type Key<'o> = (&'o str, &'o str);

/// The objects of one compile by name, or those of them that a part of it needs. Of two objects with one name it holds the same one
/// whatever their order.
#[derive(Default)]
pub(super) struct Index<'o> {
    pub(super) ingresses: HashMap<Key<'o>, &'o Arc<Ingress>>,
    pub(super) classes: HashMap<Key<'o>, &'o Arc<IngressClass>>,
    pub(super) namespaces: HashMap<Key<'o>, &'o Arc<Namespace>>,
    pub(super) secrets: HashMap<Key<'o>, &'o Arc<Secret>>,
    pub(super) services: HashMap<Key<'o>, &'o Arc<Service>>,
    pub(super) endpoints: HashMap<Key<'o>, &'o Arc<Endpoints>>,
    /// By the Service that they are for.
    pub(super) slices: HashMap<Key<'o>, Vec<&'o EndpointSlice>>,
    /// Those without [`SERVICE_NAME`].
    pub(super) stray_slices: Vec<&'o EndpointSlice>,
    /// False if there may be IngressClasses that are not in `classes`.
    pub(super) classes_known: bool,
}

impl<'o> Index<'o> {
    /// All objects.
    pub(super) fn new(objects: &'o Objects, findings: &mut Vec<Finding>) -> Self {
        let mut index = Self {
            ingresses: unique("ingress", namespace, &objects.ingresses, findings),
            classes: unique("ingressclass", |_| "", &objects.ingress_classes, findings),
            classes_known: objects.ingress_classes_known,
            namespaces: unique("namespace", |_| "", &objects.namespaces, findings),
            secrets: unique("secret", namespace, &objects.secrets, findings),
            services: unique("service", namespace, &objects.services, findings),
            endpoints: unique("endpoints", namespace, &objects.endpoints, findings),
            ..Self::default()
        };
        index.add_slices(objects);
        index
    }

    /// What says whose an Ingress is.
    pub(super) fn of_classes(objects: &'o Objects) -> Self {
        let findings = &mut Vec::new();
        Self {
            classes: unique("ingressclass", |_| "", &objects.ingress_classes, findings),
            classes_known: objects.ingress_classes_known,
            namespaces: unique("namespace", |_| "", &objects.namespaces, findings),
            ..Self::default()
        }
    }

    fn add_slices(&mut self, objects: &'o Objects) {
        for slice in &objects.endpoint_slices {
            let label = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME));
            match label {
                Some(service) => {
                    self.slices.entry((namespace(&slice.metadata), &**service)).or_default().push(slice);
                }
                None => self.stray_slices.push(slice),
            }
        }
    }

    /// The IngressClass of a name.
    pub(super) fn class(&self, name: &str) -> Option<&'o IngressClass> {
        self.classes.get(&("", name)).map(|class| &***class)
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
pub(super) fn unique<'o, K>(
    kind: &'static str,
    namespace: fn(&ObjectMeta) -> &str,
    objects: impl IntoIterator<Item = &'o Arc<K>>,
    findings: &mut Vec<Finding>,
) -> HashMap<Key<'o>, &'o Arc<K>>
where
    K: Metadata<Ty = ObjectMeta> + PartialEq + serde::Serialize + 'o,
{
    let objects = objects.into_iter();
    let mut held: HashMap<Key<'o>, &'o Arc<K>> = HashMap::with_capacity(objects.size_hint().0);
    for object in objects {
        let meta = object.metadata();
        match held.entry((namespace(meta), name(meta))) {
            Entry::Vacant(entry) => drop(entry.insert(object)),
            Entry::Occupied(mut entry) if *entry.get() != object => {
                if text(&**object) < text(&***entry.get()) {
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
