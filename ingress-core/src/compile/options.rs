//! What decides beside the objects.

use std::sync::Arc;

use super::Selector;
use crate::route::ObjectName;
use crate::tls::{Certificate, Trust};

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
    /// `namespace/name` of the Secret with the certificate that stands in where a host has none (`--default-ssl-certificate`).
    pub default_certificate: Option<ObjectName>,
    /// What stands in while there is no such Secret.
    pub fallback_certificate: Option<Arc<Certificate>>,
    /// `namespace/name` of the ConfigMap with TCP services (`--tcp-services-configmap`).
    pub tcp_services: Option<ObjectName>,
    /// `namespace/name` of the ConfigMap with UDP services (`--udp-services-configmap`).
    pub udp_services: Option<ObjectName>,
    /// Ports that are ours, which no TCP or UDP service may take.
    pub reserved_ports: Vec<u16>,
    /// Honour `ssl-passthrough` (`--enable-ssl-passthrough`, off).
    pub ssl_passthrough: bool,
    /// The port of HTTPS as redirects name it (`--https-port`, 443).
    pub https_port: u16,
    /// The cryptography that this crate does not have.
    pub tls_check: TlsCheck,
}

/// Asks whoever will do the handshakes whether something can be used. Each function answers with the reason if not.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct TlsCheck {
    /// The key can be used, and is that of the certificate.
    pub certificate: fn(&Certificate) -> Result<(), String>,
    /// The authorities and revocation lists can be used.
    pub trust: fn(&Trust) -> Result<(), String>,
}

impl TlsCheck {
    /// With these functions.
    #[must_use]
    pub fn new(
        certificate: fn(&Certificate) -> Result<(), String>,
        trust: fn(&Trust) -> Result<(), String>,
    ) -> Self {
        Self { certificate, trust }
    }
}

/// Believes everything.
impl Default for TlsCheck {
    fn default() -> Self {
        Self { certificate: |_| Ok(()), trust: |_| Ok(()) }
    }
}

/// Two that are there are as good as each other.
impl PartialEq for TlsCheck {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TlsCheck {}

impl std::fmt::Debug for TlsCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsCheck")
    }
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
            default_certificate: None,
            fallback_certificate: None,
            tcp_services: None,
            udp_services: None,
            reserved_ports: Vec::new(),
            ssl_passthrough: false,
            https_port: 443,
            tls_check: TlsCheck::default(),
        }
    }
}
