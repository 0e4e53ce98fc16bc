//! Upstreams: groups of endpoints, described. Connections to them are the business of `ingress-proxy`.

use std::net::SocketAddr;
use std::sync::Arc;

/// A named group of endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upstream {
    /// The name by which routes refer to it. From Kubernetes: `namespace/service:port`, with the port as the Ingress writes it.
    pub name: Arc<str>,
    /// Who is in it.
    pub endpoints: Endpoints,
}

/// Where the endpoints of an upstream come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoints {
    /// These addresses, each once, in ascending order. None: requests are answered 503.
    Addresses(Vec<Endpoint>),
    /// The addresses of a DNS name (a Service of type ExternalName), looked up by the proxy while it is in use.
    Dns {
        /// The name.
        name: Arc<str>,
        /// The port at each of its addresses.
        port: u16,
    },
}

/// One address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Endpoint {
    /// Where to connect to.
    pub address: SocketAddr,
}

impl Endpoint {
    /// An endpoint at an address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }
}

impl Upstream {
    /// An upstream of addresses; duplicates are removed.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut endpoints: Vec<_> = addresses.into_iter().map(Endpoint::new).collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        Self { name: name.into(), endpoints: Endpoints::Addresses(endpoints) }
    }

    /// An upstream of whatever addresses a DNS name has.
    #[must_use]
    pub fn dns(upstream: impl Into<Arc<str>>, name: impl Into<Arc<str>>, port: u16) -> Self {
        Self { name: upstream.into(), endpoints: Endpoints::Dns { name: name.into(), port } }
    }

    /// The addresses that are known without asking DNS.
    pub fn addresses(&self) -> &[Endpoint] {
        match &self.endpoints {
            Endpoints::Addresses(endpoints) => endpoints,
            Endpoints::Dns { .. } => &[],
        }
    }
}
