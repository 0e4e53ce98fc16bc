//! Reading what the reflectors hold.

use std::sync::Arc;

use ingress_core::{ObjectName, Objects};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use super::kind::Kind;
use super::progress::Progress;
use super::reflect::resource;
use super::store::{All, Store};
use crate::source::follow::follow;

/// The stores of each kind: one for each scope.
#[derive(Debug, Default, Clone)]
pub(super) struct Stores {
    pub(super) ingresses: Vec<Store<Ingress>>,
    pub(super) ingress_classes: Vec<Store<IngressClass>>,
    pub(super) services: Vec<Store<Service>>,
    pub(super) endpoint_slices: Vec<Store<EndpointSlice>>,
    pub(super) namespaces: Vec<Store<Namespace>>,
    pub(super) secrets: Vec<Store<Secret>>,
    pub(super) config_maps: Vec<Store<ConfigMap>>,
}

/// Reads what the reflectors hold, from any thread. Clones read the same.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    stores: Arc<Stores>,
    progress: Arc<Progress>,
}

impl Reader {
    pub(super) fn new(stores: Arc<Stores>, progress: Arc<Progress>) -> Self {
        Self { stores, progress }
    }

    /// All objects of this moment.
    pub(crate) fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        self.follow(&mut objects);
        objects
    }

    /// Brings objects to what they are at this moment. The work grows with what has changed, but for one look at the address of each.
    pub(super) fn follow(&self, objects: &mut Objects) {
        let stores = &*self.stores;
        all(&stores.ingresses, &mut objects.ingresses);
        all(&stores.ingress_classes, &mut objects.ingress_classes);
        all(&stores.services, &mut objects.services);
        all(&stores.endpoint_slices, &mut objects.endpoint_slices);
        all(&stores.namespaces, &mut objects.namespaces);
        all(&stores.secrets, &mut objects.secrets);
        all(&stores.config_maps, &mut objects.config_maps);
        objects.ingress_classes_known = !self.progress.is_unknown(&resource::<IngressClass>());
        objects.secrets_known = !self.progress.is_unknown(&resource::<Secret>());
    }

    /// The Ingress of a name.
    pub(crate) fn ingress(&self, name: &ObjectName) -> Option<Arc<Ingress>> {
        self.stores.ingresses.iter().find_map(|store| store.get(name))
    }

    /// The Service of a name.
    pub(crate) fn service(&self, name: &ObjectName) -> Option<Arc<Service>> {
        self.stores.services.iter().find_map(|store| store.get(name))
    }

    /// The ConfigMap of a name; without its content unless somebody refers to it.
    pub(crate) fn config_map(&self, name: &ObjectName) -> Option<Arc<ConfigMap>> {
        self.stores.config_maps.iter().find_map(|store| store.get(name))
    }
}

fn all<K: Kind>(stores: &[Store<K>], objects: &mut Vec<Arc<K>>) {
    let held: Vec<_> = stores.iter().map(Store::all).collect();
    follow(objects, held.iter().flat_map(All::iter));
}
