//! What the compile reads.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};

use super::report::Finding;

/// All objects of one moment. Order does not matter: equal sets give equal snapshots.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Objects {
    /// `networking.k8s.io/v1` Ingresses; older versions are brought to it by [`ingress_from_v1beta1`](super::ingress_from_v1beta1).
    pub ingresses: Vec<Arc<Ingress>>,
    /// `networking.k8s.io/v1` IngressClasses.
    pub ingress_classes: Vec<Arc<IngressClass>>,
    /// Services.
    pub services: Vec<Arc<Service>>,
    /// `discovery.k8s.io/v1` EndpointSlices.
    pub endpoint_slices: Vec<Arc<EndpointSlice>>,
    /// Endpoints, read for a Service that has no EndpointSlice: old files have only these.
    pub endpoints: Vec<Arc<Endpoints>>,
    /// Secrets. Their content may be left out: then `data` has the keys with empty values.
    pub secrets: Vec<Arc<Secret>>,
    /// ConfigMaps.
    pub config_maps: Vec<Arc<ConfigMap>>,
    /// Namespaces.
    pub namespaces: Vec<Arc<Namespace>>,
    /// False if the source may not read Secrets (true): then none is said to be missing.
    pub secrets_known: bool,
    /// False if the source may not read IngressClasses (true): then an Ingress cannot name its class by `spec.ingressClassName`, unless
    /// [`ingress_class_by_name`](super::Options::ingress_class_by_name) allows it.
    pub ingress_classes_known: bool,
    /// What the source found while it read the objects, such as an old version; it goes into the report as it is.
    pub findings: Vec<Finding>,
    /// The time, in seconds since 1970: certificates that have expired are reported. `None` reports none.
    pub now: Option<i64>,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            ingresses: Vec::new(),
            ingress_classes: Vec::new(),
            services: Vec::new(),
            endpoint_slices: Vec::new(),
            endpoints: Vec::new(),
            secrets: Vec::new(),
            config_maps: Vec::new(),
            namespaces: Vec::new(),
            secrets_known: true,
            ingress_classes_known: true,
            findings: Vec::new(),
            now: None,
        }
    }
}
