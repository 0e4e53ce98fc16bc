//! The kinds that are watched: what of them is kept, and which changes matter.

use std::fmt::Debug;

use ::kube::{Resource, ResourceExt};
use ingress_core::ObjectName;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use serde::de::DeserializeOwned;

use crate::source::Touched;
use crate::source::trim::{SERVICE_NAME, Trim};

/// A kind that is watched.
pub(super) trait Kind:
    Resource<DynamicType = ()> + Trim + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Without it nothing can be served rightly. The others can be done without, if they may not be read.
    const NEEDED: bool;

    /// True if the compile cannot tell the two apart.
    fn same(&self, other: &Self) -> bool;

    /// What a change of it touches.
    fn touches(&self) -> Touched {
        Touched::All
    }

    /// Empties the values of the content, whose keys stay. True if there was something to empty.
    fn strip(&mut self) -> bool {
        false
    }

    /// What it is called: with an empty namespace for a kind that has none.
    fn key(&self) -> ObjectName {
        let text = |text: Option<&String>| text.map(String::as_str).unwrap_or_default().into();
        let meta = self.meta();
        ObjectName { namespace: text(meta.namespace.as_ref()), name: text(meta.name.as_ref()) }
    }
}

/// What a new version of an object with the same content has in common with the old one.
fn same_object<K: Kind>(one: &K, other: &K) -> bool {
    let (one, other) = (one.meta(), other.meta());
    one.uid == other.uid
        && one.creation_timestamp == other.creation_timestamp
        && one.annotations == other.annotations
}

impl Kind for Ingress {
    const NEEDED: bool = true;

    fn same(&self, other: &Self) -> bool {
        same_object(self, other) && self.spec == other.spec
    }
}

impl Kind for IngressClass {
    const NEEDED: bool = false;

    fn same(&self, other: &Self) -> bool {
        same_object(self, other) && self.spec == other.spec
    }
}

impl Kind for Service {
    const NEEDED: bool = true;

    fn same(&self, other: &Self) -> bool {
        same_object(self, other) && self.spec == other.spec
    }
}

impl Kind for EndpointSlice {
    const NEEDED: bool = true;

    fn same(&self, other: &Self) -> bool {
        let service = |slice: &Self| slice.labels().get(SERVICE_NAME).cloned();
        service(self) == service(other)
            && self.address_type == other.address_type
            && self.ports == other.ports
            && self.endpoints == other.endpoints
    }

    fn touches(&self) -> Touched {
        match self.labels().get(SERVICE_NAME) {
            Some(service) => {
                let name = ObjectName { name: service.as_str().into(), ..self.key() };
                Touched::Endpoints([name].into())
            }
            // One that belongs to no Service may be a finding.
            None => Touched::All,
        }
    }
}

impl Kind for Namespace {
    const NEEDED: bool = false;

    fn same(&self, other: &Self) -> bool {
        self.metadata.labels == other.metadata.labels
    }
}

impl Kind for Secret {
    const NEEDED: bool = false;

    fn same(&self, other: &Self) -> bool {
        self.type_ == other.type_ && self.data == other.data
    }

    fn strip(&mut self) -> bool {
        let mut stripped = false;
        for value in
            self.data.iter_mut().flat_map(|data| data.values_mut()).filter(|value| !value.0.is_empty())
        {
            *value = ByteString::default();
            stripped = true;
        }
        stripped
    }
}

impl Kind for ConfigMap {
    const NEEDED: bool = false;

    fn same(&self, other: &Self) -> bool {
        self.metadata.uid == other.metadata.uid && self.data == other.data
    }

    fn strip(&mut self) -> bool {
        let mut stripped = false;
        for value in self.data.iter_mut().flat_map(|data| data.values_mut()).filter(|value| !value.is_empty())
        {
            *value = String::new();
            stripped = true;
        }
        stripped
    }
}
