//! What is known of objects without asking the API server.

use std::sync::Arc;

use ingress_core::ObjectName;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::Ingress;

use crate::source::kube::Reader;

/// Reads what the source holds. It may lag behind.
pub(crate) trait Look {
    /// The Ingress of a name.
    fn ingress(&self, name: &ObjectName) -> Option<Arc<Ingress>>;
    /// The Service of a name.
    fn service(&self, name: &ObjectName) -> Option<Arc<Service>>;
    /// The ConfigMap of a name.
    fn config_map(&self, name: &ObjectName) -> Option<Arc<ConfigMap>>;
}

impl Look for Reader {
    fn ingress(&self, name: &ObjectName) -> Option<Arc<Ingress>> {
        Self::ingress(self, name)
    }

    fn service(&self, name: &ObjectName) -> Option<Arc<Service>> {
        Self::service(self, name)
    }

    fn config_map(&self, name: &ObjectName) -> Option<Arc<ConfigMap>> {
        Self::config_map(self, name)
    }
}
