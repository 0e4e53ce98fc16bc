//! Certificates of clients.
//!
//! nginx fails no handshake for a certificate that is missing or worth nothing: it answers 400, or sends the client elsewhere. So in the
//! handshake a client proves only that it has the key of what it shows ([`AnyClient`]); what that is worth is told once for each
//! connection, afterwards ([`Judge`]). Who is refused for it is decided elsewhere.

mod escaped;
mod judge;
mod name;
mod verdict;
mod verifier;

pub(crate) use judge::Judge;
pub(super) use judge::check;
pub(super) use verifier::AnyClient;
