//! What is known of a client's connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;

/// The facts about one accepted connection, written once when it is accepted.
///
/// The server of this crate hands them to the proxy itself. Whoever mounts [`Proxy`](crate::Proxy) elsewhere puts them into the extensions
/// of each request; without them the headers that name the client are not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    facts: Arc<Facts>,
}

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    client: SocketAddr,
    local_port: u16,
    client_value: HeaderValue,
    port_value: HeaderValue,
}

impl Connection {
    /// A plain connection from `client` to a port of ours.
    #[must_use]
    pub fn new(client: SocketAddr, local_port: u16) -> Self {
        // An IPv4 client that came in over an IPv6 socket is an IPv4 client.
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        // The text of an address is always a header value; the fallback is never used.
        let client_value = HeaderValue::from_str(&client.ip().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let port_value = HeaderValue::from(local_port);
        Self { facts: Arc::new(Facts { client, local_port, client_value, port_value }) }
    }

    /// The address of the client.
    pub fn client(&self) -> SocketAddr {
        self.facts.client
    }

    /// The port that the client connected to.
    pub fn local_port(&self) -> u16 {
        self.facts.local_port
    }

    /// The client's IP address as a header value.
    pub(crate) fn client_value(&self) -> HeaderValue {
        self.facts.client_value.clone()
    }

    /// The port that the client connected to as a header value.
    pub(crate) fn port_value(&self) -> HeaderValue {
        self.facts.port_value.clone()
    }
}
