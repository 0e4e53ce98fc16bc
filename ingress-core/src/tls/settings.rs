//! What holds for every handshake with clients.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// TLS of the snapshot's settings, each named after its key in ingress-nginx's ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Versions (`ssl-protocols`, `TLSv1.2 TLSv1.3`); never empty.
    pub versions: Vec<Version>,
    /// Ciphers of TLS 1.2, those that we like best first (`ssl-ciphers`); those of TLS 1.3 are not chosen by anybody.
    pub ciphers: Vec<CipherSuite>,
    /// Our order counts, not the client's (`ssl-prefer-server-ciphers`, true).
    pub prefer_server_ciphers: bool,
    /// Resumption.
    pub sessions: SessionSettings,
    /// Whoever asks for a name without certificate gets no handshake, rather than the default certificate (`ssl-reject-handshake`, false).
    pub reject_handshake: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            versions: vec![Version::Tls12, Version::Tls13],
            ciphers: CipherSuite::DEFAULT.to_vec(),
            prefer_server_ciphers: true,
            sessions: SessionSettings::default(),
            reject_handshake: false,
        }
    }
}

/// How sessions are resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSettings {
    /// We keep sessions (`ssl-session-cache`, true).
    pub cache: bool,
    /// How many bytes of them (`ssl-session-cache-size`, 10 MiB).
    pub cache_size: u64,
    /// How long a session can be resumed (`ssl-session-timeout`, 10 min).
    pub timeout: Duration,
    /// Clients keep sessions, encrypted by us (`ssl-session-tickets`, false).
    pub tickets: bool,
    /// The key of the tickets where several replicas share one (`ssl-session-ticket-key`); without it, one that nobody knows.
    pub ticket_key: Option<TicketKey>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            cache: true,
            cache_size: 10 << 20,
            timeout: Duration::from_secs(600),
            tickets: false,
            ticket_key: None,
        }
    }
}

/// The secret of tickets: 48 or 80 bytes. Wiped when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    bytes: Zeroizing<Vec<u8>>,
}

impl TicketKey {
    /// Takes a secret; `None` if it has another length than nginx wants.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        matches!(bytes.len(), 48 | 80).then_some(Self { bytes })
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey")
    }
}

/// A version of TLS. Older ones are not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2 (`TLSv1.2`).
    Tls12,
    /// TLS 1.3 (`TLSv1.3`).
    Tls13,
}

impl Version {
    /// The version of a name, as configurations write it: `TLSv1.2`, `TLSv1.3`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "TLSv1.2" => Some(Self::Tls12),
            "TLSv1.3" => Some(Self::Tls13),
            _ => None,
        }
    }
}

/// A cipher suite of TLS 1.2. There are no others that are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CipherSuite {
    /// `ECDHE-ECDSA-AES128-GCM-SHA256`
    EcdsaAes128Gcm,
    /// `ECDHE-RSA-AES128-GCM-SHA256`
    RsaAes128Gcm,
    /// `ECDHE-ECDSA-AES256-GCM-SHA384`
    EcdsaAes256Gcm,
    /// `ECDHE-RSA-AES256-GCM-SHA384`
    RsaAes256Gcm,
    /// `ECDHE-ECDSA-CHACHA20-POLY1305`
    EcdsaChaCha20,
    /// `ECDHE-RSA-CHACHA20-POLY1305`
    RsaChaCha20,
}

impl CipherSuite {
    /// What ingress-nginx offers by default, in its order, but for what rests on finite-field Diffie-Hellman.
    pub const DEFAULT: [Self; 6] = [
        Self::EcdsaAes128Gcm,
        Self::RsaAes128Gcm,
        Self::EcdsaAes256Gcm,
        Self::RsaAes256Gcm,
        Self::EcdsaChaCha20,
        Self::RsaChaCha20,
    ];
}
