//! The objects of files, and the lists that they make together.

use std::sync::Arc;

use ingress_core::{Finding, ObjectRef, Objects};
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use crate::source::follow::follow;

/// An object of a file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) reference: ObjectRef,
    pub(super) findings: Vec<Finding>,
    pub(super) object: Object,
}

/// An object of one of the kinds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    Ingress(Arc<Ingress>),
    IngressClass(Arc<IngressClass>),
    Service(Arc<Service>),
    EndpointSlice(Arc<EndpointSlice>),
    Endpoints(Arc<Endpoints>),
    Secret(Arc<Secret>),
    ConfigMap(Arc<ConfigMap>),
    Namespace(Arc<Namespace>),
}

impl Entry {
    /// Takes over the object of an earlier entry, if it is the same.
    pub(super) fn keep(&mut self, earlier: &Self) {
        if self.object == earlier.object {
            self.object.clone_from(&earlier.object);
        }
    }
}

/// Brings lists to the objects of all entries.
pub(super) fn collect(entries: &[&Entry], objects: &mut Objects) {
    macro_rules! of {
        ($kind:ident) => {
            entries.iter().filter_map(|entry| match &entry.object {
                Object::$kind(object) => Some(object),
                _ => None,
            })
        };
    }
    follow(&mut objects.ingresses, of!(Ingress));
    follow(&mut objects.ingress_classes, of!(IngressClass));
    follow(&mut objects.services, of!(Service));
    follow(&mut objects.endpoint_slices, of!(EndpointSlice));
    follow(&mut objects.endpoints, of!(Endpoints));
    follow(&mut objects.secrets, of!(Secret));
    follow(&mut objects.config_maps, of!(ConfigMap));
    follow(&mut objects.namespaces, of!(Namespace));
}

/// How many objects are put in their places one by one: each is searched for.
const AT_ONCE: usize = 256;

/// Puts objects in the place of those that they had before. False, and the lists are to be made anew, if they are not of the same names,
/// something else is said of them, or they are too many.
pub(super) fn replace(before: &[Entry], after: &[Entry], objects: &mut Objects) -> bool {
    let is_same = |(before, after): (&Entry, &Entry)| {
        before.reference == after.reference && before.findings == after.findings
    };
    if before.len() != after.len() || !before.iter().zip(after).all(is_same) {
        return false;
    }
    // The last first: of two of one name only the first is in a list, and its successor may be what the second was.
    let mut exchanged = 0;
    for (before, after) in before.iter().zip(after).rev() {
        exchanged += usize::from(match (&before.object, &after.object) {
            (Object::Ingress(old), Object::Ingress(new)) => exchange(&mut objects.ingresses, old, new),
            (Object::IngressClass(old), Object::IngressClass(new)) => {
                exchange(&mut objects.ingress_classes, old, new)
            }
            (Object::Service(old), Object::Service(new)) => exchange(&mut objects.services, old, new),
            (Object::EndpointSlice(old), Object::EndpointSlice(new)) => {
                exchange(&mut objects.endpoint_slices, old, new)
            }
            (Object::Endpoints(old), Object::Endpoints(new)) => exchange(&mut objects.endpoints, old, new),
            (Object::Secret(old), Object::Secret(new)) => exchange(&mut objects.secrets, old, new),
            (Object::ConfigMap(old), Object::ConfigMap(new)) => exchange(&mut objects.config_maps, old, new),
            (Object::Namespace(old), Object::Namespace(new)) => exchange(&mut objects.namespaces, old, new),
            _ => return false,
        });
        if exchanged > AT_ONCE {
            return false;
        }
    }
    true
}

/// True if the object has changed. One that another file has first is in no list.
fn exchange<K>(list: &mut [Arc<K>], old: &Arc<K>, new: &Arc<K>) -> bool {
    if Arc::ptr_eq(old, new) {
        return false;
    }
    if let Some(place) = list.iter_mut().find(|place| Arc::ptr_eq(place, old)) {
        place.clone_from(new);
    }
    true
}
