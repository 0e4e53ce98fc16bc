//! The kinds of objects that are used, and their versions.

/// A kind that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ingress,
    IngressClass,
    Service,
    EndpointSlice,
    Endpoints,
    Secret,
    ConfigMap,
    Namespace,
}

/// What a document's `apiVersion` and `kind` say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The version that is read.
    Known(Kind),
    /// One that came before it.
    Old(Kind),
    /// A kind that is used, in a version that does not exist.
    Unknown,
    /// Something else.
    Foreign,
}

/// Reads `apiVersion` and `kind`.
pub(super) fn classify(version: &str, kind: &str) -> Version {
    let networking = "networking.k8s.io/";
    let kind = match (version.rsplit_once('/').map_or("", |(group, _)| group), kind) {
        ("networking.k8s.io" | "extensions", "Ingress") => Kind::Ingress,
        ("networking.k8s.io", "IngressClass") => Kind::IngressClass,
        ("discovery.k8s.io", "EndpointSlice") => Kind::EndpointSlice,
        ("", "Service") => Kind::Service,
        ("", "Endpoints") => Kind::Endpoints,
        ("", "Secret") => Kind::Secret,
        ("", "ConfigMap") => Kind::ConfigMap,
        ("", "Namespace") => Kind::Namespace,
        _ => return Version::Foreign,
    };
    if version == kind.api_version() {
        return Version::Known(kind);
    }
    match (kind, version) {
        (Kind::Ingress, "extensions/v1beta1" | "networking.k8s.io/v1beta1")
        | (Kind::IngressClass, "networking.k8s.io/v1beta1")
        | (Kind::EndpointSlice, "discovery.k8s.io/v1beta1") => Version::Old(kind),
        _ if version.starts_with(networking) || version.starts_with("extensions/") => Version::Unknown,
        _ => Version::Foreign,
    }
}

impl Kind {
    /// The version that is read.
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Ingress | Self::IngressClass => "networking.k8s.io/v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::Service | Self::Endpoints | Self::Secret | Self::ConfigMap | Self::Namespace => "v1",
        }
    }

    /// The kind in lower case, as in a message.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::IngressClass => "ingressclass",
            Self::Service => "service",
            Self::EndpointSlice => "endpointslice",
            Self::Endpoints => "endpoints",
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
            Self::Namespace => "namespace",
        }
    }

    /// False for kinds whose objects stand outside of namespaces.
    pub(super) fn namespaced(self) -> bool {
        !matches!(self, Self::IngressClass | Self::Namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_version_and_kind_decide_together() {
        assert_eq!(classify("networking.k8s.io/v1", "Ingress"), Version::Known(Kind::Ingress));
        assert_eq!(classify("extensions/v1beta1", "Ingress"), Version::Old(Kind::Ingress));
        assert_eq!(classify("networking.k8s.io/v1beta1", "IngressClass"), Version::Old(Kind::IngressClass));
        assert_eq!(classify("networking.k8s.io/v2", "Ingress"), Version::Unknown);
        assert_eq!(classify("extensions/v1", "Ingress"), Version::Unknown);
        assert_eq!(classify("serving.knative.dev/v1", "Service"), Version::Foreign);
        assert_eq!(classify("apps/v1", "Deployment"), Version::Foreign);
        assert_eq!(classify("v1", "Pod"), Version::Foreign);
    }
}
