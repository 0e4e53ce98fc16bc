//! What the search for the members of an upstream comes to.

use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};

use crate::stream::StreamProtocol;

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

/// The ports of a Service with a protocol.
pub(super) fn ports(service: &Service, protocol: StreamProtocol) -> impl Iterator<Item = &ServicePort> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports.filter(move |port| speaks(port.protocol.as_deref(), protocol))
}

/// True if the protocol that an object names is this one; TCP is what is meant where none is named.
pub(super) fn speaks(named: Option<&str>, protocol: StreamProtocol) -> bool {
    match named.filter(|named| !named.is_empty()) {
        Some(named) => named == protocol.name(),
        None => protocol == StreamProtocol::Tcp,
    }
}
