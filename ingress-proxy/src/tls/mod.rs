//! TLS as it is done: handshakes with clients, and with endpoints.
//!
//! `terminator` has all that handshakes with clients need of a snapshot. Nothing here knows a socket: `server` does the handshakes.

mod client;
mod keys;
mod policy;
mod provider;
mod quic;
mod sessions;
mod terminator;
mod tickets;

pub(crate) mod upstream;

use ingress_core::tls::{Certificate, Trust};

pub(crate) use policy::Policy;
pub(crate) use quic::{QuicConfig, quic_config};
pub(crate) use terminator::{Terminator, server_name};

/// Whether a certificate can be presented: its key can be used, and is that of the certificate. The function that
/// `ingress_core`'s `TlsCheck` asks for.
///
/// # Errors
/// The reason if not, without any part of the key.
pub fn check_certificate(certificate: &Certificate) -> Result<(), String> {
    keys::certified_key(certificate).map(drop)
}

/// Whether authorities and revocation lists can be used to check others.
///
/// # Errors
/// The reason if not.
pub fn check_trust(trust: &Trust) -> Result<(), String> {
    client::check(trust)
}
