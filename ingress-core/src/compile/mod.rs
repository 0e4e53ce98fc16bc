//! From Kubernetes objects to a snapshot.

mod objects;
mod report;

pub use objects::Objects;
pub use report::{Finding, ObjectRef, Report, Severity, Skipped};

use k8s_openapi::api::networking::v1::Ingress;

use crate::snapshot::Snapshot;

/// What decides beside the objects: flags and ConfigMap of the controller.
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
    pub default_backend_service: Option<crate::route::ObjectName>,
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
            local_endpoints: false,
        }
    }
}

/// A snapshot, and what is to be said about it.
#[derive(Debug, Default, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// What the proxy serves.
    pub snapshot: Snapshot,
    /// What was refused or changed.
    pub report: Report,
}

/// Compiles objects. Never fails: a defect degrades only what it is in, and is reported.
pub fn compile(objects: &Objects, options: &Options) -> Compiled {
    recompile(&Snapshot::default(), objects, options)
}

/// As [`compile`], taking over from an earlier snapshot each part that is the same.
pub fn recompile(earlier: &Snapshot, objects: &Objects, options: &Options) -> Compiled {
    let _ = (earlier, objects, options);
    Compiled::default()
}

/// Converts an Ingress of `extensions/v1beta1` or `networking.k8s.io/v1beta1`, given as JSON.
///
/// # Errors
/// A text that names the field and the value that could not be read.
pub fn ingress_from_v1beta1(object: serde_json::Value) -> Result<(Ingress, Finding), String> {
    Err(object.to_string())
}
