//! How the endpoints of a route are spoken to.

use std::sync::Arc;

use crate::tls::UpstreamTls;

/// Protocol and TLS towards endpoints.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transport {
    /// What they speak.
    pub protocol: Protocol,
    /// How, if the protocol has TLS.
    pub tls: Arc<UpstreamTls>,
}

impl Transport {
    /// A protocol, with TLS that believes whoever answers.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, tls: Arc::default() }
    }
}

/// What endpoints speak (`backend-protocol` of ingress-nginx, `appProtocol` of a Service's port).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1, and WebSocket.
    #[default]
    Http,
    /// The same over TLS.
    Https,
    /// HTTP/2 without TLS.
    Grpc,
    /// HTTP/2 over TLS.
    Grpcs,
    /// HTTP/1.1, over TLS if the client's request came over TLS.
    Auto,
}
