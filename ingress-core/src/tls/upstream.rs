//! TLS towards endpoints.

use std::sync::Arc;

use super::{Certificate, CipherSuite, Trust, Version};

/// How endpoints are spoken to over TLS (`proxy-ssl-*` of ingress-nginx). The default: whoever answers is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamTls {
    /// What we show (`tls.crt` and `tls.key` of `proxy-ssl-secret`).
    pub certificate: Option<Arc<Certificate>>,
    /// Who vouches for endpoints (`ca.crt`); with [`verify`](Self::verify) and without this, nobody does.
    pub trust: Option<Arc<Trust>>,
    /// Whether an endpoint's certificate is checked (`proxy-ssl-verify`, off).
    pub verify: bool,
    /// How many authorities may stand between an endpoint's certificate and one of [`trust`](Self::trust) (`proxy-ssl-verify-depth`, 1).
    pub depth: u32,
    /// The name that the endpoint is asked for and that its certificate must be for (`proxy-ssl-name`); without it, the host of the
    /// upstream's name.
    pub name: Option<Arc<str>>,
    /// Whether the endpoint is told the name (SNI, `proxy-ssl-server-name`, off).
    pub server_name: bool,
    /// Ciphers of TLS 1.2 (`proxy-ssl-ciphers`); none listed means all that are safe.
    pub ciphers: Vec<CipherSuite>,
    /// Versions (`proxy-ssl-protocols`).
    pub versions: Vec<Version>,
}

impl Default for UpstreamTls {
    fn default() -> Self {
        Self {
            certificate: None,
            trust: None,
            verify: false,
            depth: 1,
            name: None,
            server_name: false,
            ciphers: Vec::new(),
            versions: vec![Version::Tls12, Version::Tls13],
        }
    }
}
