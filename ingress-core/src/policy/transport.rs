//! How the endpoints of a route are spoken to.

use std::sync::{Arc, LazyLock};

use crate::tls::UpstreamTls;

/// Protocol and TLS towards endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        Self { protocol, ..Self::default() }
    }
}

/// HTTP/1.1 without TLS. Nearly all routes have it, so its parts are made once.
impl Default for Transport {
    fn default() -> Self {
        static TLS: LazyLock<Arc<UpstreamTls>> = LazyLock::new(Arc::default);
        Self { protocol: Protocol::Http, tls: TLS.clone() }
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

impl Protocol {
    /// True if endpoints may be spoken to over TLS.
    #[must_use]
    pub fn has_tls(self) -> bool {
        match self {
            Self::Https | Self::Grpcs | Self::Auto => true,
            Self::Http | Self::Grpc => false,
        }
    }
}
