//! TLS as it is described: certificates and names, never connections. `ingress-proxy` does the handshakes.

mod certificate;
mod ciphers;
mod client_auth;
mod settings;
mod table;
mod trust;
mod upstream;

#[cfg(feature = "kubernetes")]
pub(crate) use certificate::names_for;
pub use certificate::{Certificate, CertificateError, Facts, PrivateKey};
pub use client_auth::{ClientAuth, Pattern, VerifyClient};
pub use settings::{CipherSuite, SessionSettings, TicketKey, TlsSettings, Version};
pub use table::{Guard, Passthrough, ServerTls, TlsTable, TlsTableBuilder};
pub use trust::Trust;
pub use upstream::UpstreamTls;
