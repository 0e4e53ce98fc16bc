//! What is known of a client's connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use ingress_core::tls::ClientAuth;

/// The facts about one accepted connection, written once before its first request.
///
/// The server of this crate hands them to the proxy itself. Whoever mounts [`Proxy`](crate::Proxy) elsewhere puts them into the extensions
/// of each request; without them the headers that name the client are not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    facts: Arc<Facts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    client: SocketAddr,
    peer: SocketAddr,
    local_port: u16,
    client_value: HeaderValue,
    port_value: HeaderValue,
    proxied_port: Option<u16>,
    tls: Option<Tls>,
}

/// What a handshake has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The name that the client asked for, in lower case and without a dot at the end.
    pub server_name: Option<Arc<str>>,
    /// The client's certificate, where one was asked for.
    pub client: Option<Arc<ClientIdentity>>,
}

impl Tls {
    /// A handshake for a name, in which the client showed what it was asked for.
    #[must_use]
    pub fn new(server_name: Option<Arc<str>>, client: Option<Arc<ClientIdentity>>) -> Self {
        Self { server_name, client }
    }
}

/// What a client has shown of itself, and what that is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientIdentity {
    /// What it was asked for.
    pub asked: Arc<ClientAuth>,
    /// What came of it.
    pub outcome: Outcome,
    /// The subject of its certificate as text (RFC 2253, as nginx writes it); empty without one.
    pub subject: String,
    /// The issuer of its certificate, likewise.
    pub issuer: String,
    /// Its certificate as PEM, percent-encoded as nginx does (`$ssl_client_escaped_cert`); empty without one.
    pub escaped_pem: String,
}

impl ClientIdentity {
    /// A client that has shown nothing.
    #[must_use]
    pub fn none(asked: Arc<ClientAuth>) -> Self {
        let (subject, issuer, escaped_pem) = Default::default();
        Self { asked, outcome: Outcome::None, subject, issuer, escaped_pem }
    }
}

/// What a client's certificate is worth. As text it is `ssl-client-verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody whom we trust vouches for it.
    Success,
    /// There is none.
    None,
    /// It is worth nothing, for this reason; `unknown` if only because nobody known vouches for it.
    Failed {
        /// Why, in a few words.
        reason: String,
        /// True if nobody known vouches for it, and nothing else is wrong: what `optional_no_ca` lets through.
        unknown: bool,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Success => f.write_str("SUCCESS"),
            Self::None => f.write_str("NONE"),
            Self::Failed { reason, .. } => write!(f, "FAILED:{reason}"),
        }
    }
}

impl Connection {
    /// A plain connection from `client` to a port of ours.
    #[must_use]
    pub fn new(client: SocketAddr, local_port: u16) -> Self {
        let client = canonical(client);
        Self {
            facts: Arc::new(Facts {
                client,
                peer: client,
                local_port,
                client_value: text(client),
                port_value: HeaderValue::from(local_port),
                proxied_port: None,
                tls: None,
            }),
        }
    }

    /// The same, through a proxy that says (by a PROXY header) on whose behalf it connected, and to which port.
    #[must_use]
    pub fn on_behalf_of(self, client: SocketAddr, port: u16) -> Self {
        let client = canonical(client);
        let facts = Facts {
            client,
            client_value: text(client),
            proxied_port: Some(port),
            ..Arc::unwrap_or_clone(self.facts)
        };
        Self { facts: Arc::new(facts) }
    }

    /// The same, after a handshake. Endpoints are told that the port was 443, whatever it is here, as in ingress-nginx.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        let port_value = HeaderValue::from_static("443");
        Self { facts: Arc::new(Facts { port_value, tls: Some(tls), ..Arc::unwrap_or_clone(self.facts) }) }
    }

    /// The address of the client: of the peer, or of the one on whose behalf it connected.
    pub fn client(&self) -> SocketAddr {
        self.facts.client
    }

    /// The address of who connected.
    pub fn peer(&self) -> SocketAddr {
        self.facts.peer
    }

    /// The port that the peer connected to.
    pub fn local_port(&self) -> u16 {
        self.facts.local_port
    }

    /// What the handshake has shown; `None` on a plain connection.
    pub fn tls(&self) -> Option<&Tls> {
        self.facts.tls.as_ref()
    }

    /// True if the client's requests came to us, or to the proxy in front that connected on its behalf, over TLS: by a handshake of ours, or
    /// because that proxy was connected to on port 443.
    pub fn is_secure(&self) -> bool {
        self.facts.tls.is_some() || self.facts.proxied_port == Some(443)
    }

    /// The client's IP address as a header value.
    pub(crate) fn client_value(&self) -> HeaderValue {
        self.facts.client_value.clone()
    }

    /// The client's IP address as text.
    pub(crate) fn client_text(&self) -> &[u8] {
        self.facts.client_value.as_bytes()
    }

    /// The port that endpoints are told of, as a header value.
    pub(crate) fn port_value(&self) -> HeaderValue {
        self.facts.port_value.clone()
    }
}

/// An IPv4 client that came in over an IPv6 socket is an IPv4 client.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The text of an address is always a header value; the fallback is never used.
fn text(address: SocketAddr) -> HeaderValue {
    HeaderValue::from_str(&address.ip().to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
