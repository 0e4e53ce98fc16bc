//! The one table of the kinds that the server knows. Everything else treats objects of all kinds alike.

use super::status::Failure;

const CLUSTER: u8 = 0;
/// Lives in a namespace.
const NAMESPACED: u8 = 1;
/// Has the subresource `/status`.
const STATUS: u8 = 2;
/// Has a `metadata.generation`.
const GENERATION: u8 = 4;
/// A `PUT` must name the `resourceVersion` it replaces.
const VERSIONED: u8 = 8;

/// A kind of object.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) short: &'static [&'static str],
    flags: u8,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    flags: u8,
) -> Kind {
    Kind { group, version, kind, plural, short, flags }
}

/// All kinds. Which have a status or a generation, and which may be replaced blindly, is as in Kubernetes 1.33.
pub(crate) static KINDS: [Kind; 24] = [
    kind("", "v1", "ConfigMap", "configmaps", &["cm"], NAMESPACED),
    kind("", "v1", "Event", "events", &["ev"], NAMESPACED),
    kind("", "v1", "Namespace", "namespaces", &["ns"], STATUS),
    kind("", "v1", "Node", "nodes", &["no"], STATUS),
    kind("", "v1", "Pod", "pods", &["po"], NAMESPACED | STATUS | GENERATION),
    kind("", "v1", "Secret", "secrets", &[], NAMESPACED),
    kind("", "v1", "Service", "services", &["svc"], NAMESPACED | STATUS),
    kind("", "v1", "ServiceAccount", "serviceaccounts", &["sa"], NAMESPACED),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        &[],
        GENERATION,
    ),
    kind("apps", "v1", "DaemonSet", "daemonsets", &["ds"], NAMESPACED | STATUS | GENERATION),
    kind("apps", "v1", "Deployment", "deployments", &["deploy"], NAMESPACED | STATUS | GENERATION),
    kind(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        &["hpa"],
        NAMESPACED | STATUS,
    ),
    kind("batch", "v1", "Job", "jobs", &[], NAMESPACED | STATUS | GENERATION),
    kind("coordination.k8s.io", "v1", "Lease", "leases", &[], NAMESPACED | VERSIONED),
    kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", &[], NAMESPACED | GENERATION),
    kind("events.k8s.io", "v1", "Event", "events", &["ev"], NAMESPACED),
    kind("networking.k8s.io", "v1", "Ingress", "ingresses", &["ing"], NAMESPACED | STATUS | GENERATION),
    kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", &[], CLUSTER | GENERATION),
    kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", &["netpol"], NAMESPACED | GENERATION),
    kind(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        &["pdb"],
        NAMESPACED | STATUS | GENERATION | VERSIONED,
    ),
    kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", &[], CLUSTER),
    kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", &[], CLUSTER),
    kind("rbac.authorization.k8s.io", "v1", "Role", "roles", &[], NAMESPACED),
    kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", &[], NAMESPACED),
];

impl Kind {
    /// The kind behind a path of the API.
    pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// The kind with this plural, or with this plural and group, as in `events.events.k8s.io`. Of two with one plural the core one.
    pub(crate) fn plural(plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.plural == plural || kind.qualified() == plural)
    }

    /// The kind of an object that names its `apiVersion` and `kind`.
    pub(crate) fn of(object: &serde_json::Value) -> Result<&'static Self, Failure> {
        let text = |name| object.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (api_version, name) = (text("apiVersion"), text("kind"));
        KINDS.iter().find(|kind| kind.kind == name && kind.api_version() == api_version).ok_or_else(|| {
            Failure::bad_request(format!("no kind {name:?} is registered for version {api_version:?}"))
        })
    }

    /// `v1` or `networking.k8s.io/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `services` or `ingresses.networking.k8s.io`, as messages have it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Its place in [`KINDS`].
    pub(crate) fn index(&self) -> usize {
        KINDS.iter().position(|kind| std::ptr::eq(kind, self)).unwrap_or_default()
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.flags & NAMESPACED != 0
    }

    pub(crate) fn has_status(&self) -> bool {
        self.flags & STATUS != 0
    }

    pub(crate) fn has_generation(&self) -> bool {
        self.flags & GENERATION != 0
    }

    pub(crate) fn versioned(&self) -> bool {
        self.flags & VERSIONED != 0
    }
}
