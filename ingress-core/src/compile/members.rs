//! What the search for the members of an upstream comes to.

use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};

/// Who is in an upstream.
pub(super) enum Members {
    Addresses(Vec<SocketAddr>),
    Dns(String, u16),
}

/// Why nobody is in an upstream.
pub(super) struct Problem {
    pub(super) reason: &'static str,
    /// True if the port is what is wrong, false if it is the Service.
    pub(super) port: bool,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// The TCP ports of a Service.
pub(super) fn ports(service: &Service) -> impl Iterator<Item = &ServicePort> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports.filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"))
}
