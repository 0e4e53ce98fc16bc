//! What decides beside the objects.

use super::Selector;
use crate::route::ObjectName;

/// Flags of the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The class name that Ingresses use in the annotation `kubernetes.io/ingress.class` (`--ingress-class`, `nginx`).
    pub ingress_class: String,
    /// `spec.controller` of the IngressClasses that are ours (`--controller-class`, `k8s.io/ingress-nginx`).
    pub controller_class: String,
    /// Serve Ingresses without a class (`--watch-ingress-without-class`, off).
    pub watch_ingress_without_class: bool,
    /// Serve Ingresses whose `spec.ingressClassName` is [`ingress_class`](Self::ingress_class), whatever the IngressClass objects say
    /// (`--ingress-class-by-name`, off).
    pub ingress_class_by_name: bool,
    /// Serve only this namespace (`--watch-namespace`); empty means all.
    pub watch_namespace: String,
    /// Leave Ingresses with a `spec.defaultBackend` alone (`--disable-catch-all`, off).
    pub disable_catch_all: bool,
    /// Refuse Services of type ExternalName (`--disable-svc-external-name`, off).
    pub disable_external_name: bool,
    /// `namespace/name` of the Service that answers what no rule matches (`--default-backend-service`); its first port is used.
    pub default_backend_service: Option<ObjectName>,
    /// `namespace/name` of the ConfigMap with the settings that hold for all (`--configmap`).
    pub config_map: Option<ObjectName>,
    /// Serve only namespaces whose labels this selector picks (`--watch-namespace-selector`); empty means all.
    pub namespace_selector: Selector,
    /// Allow endpoints on loopback and link-local addresses: for objects from local files, never for those of an API server.
    pub local_endpoints: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ingress_class: "nginx".into(),
            controller_class: "k8s.io/ingress-nginx".into(),
            watch_ingress_without_class: false,
            ingress_class_by_name: false,
            watch_namespace: String::new(),
            disable_catch_all: false,
            disable_external_name: false,
            default_backend_service: None,
            config_map: None,
            namespace_selector: Selector::default(),
            local_endpoints: false,
        }
    }
}
