//! The cryptography behind TLS, given explicitly wherever rustls takes one.

use ingress_core::tls::{CipherSuite, Version};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{DEFAULT_CIPHER_SUITES, cipher_suite, default_provider};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// aws-lc-rs with the ciphers of TLS 1.3, and these of TLS 1.2 in this order.
pub(super) fn provider(ciphers: &[CipherSuite]) -> CryptoProvider {
    let tls13 = DEFAULT_CIPHER_SUITES.iter().copied().filter(|suite| suite.tls13().is_some());
    let cipher_suites = tls13.chain(ciphers.iter().copied().map(suite)).collect();
    CryptoProvider { cipher_suites, ..default_provider() }
}

/// The versions as rustls calls them.
pub(super) fn versions(versions: &[Version]) -> Vec<&'static SupportedProtocolVersion> {
    let known = |version: &Version| match version {
        Version::Tls12 => &rustls::version::TLS12,
        Version::Tls13 => &rustls::version::TLS13,
    };
    versions.iter().map(known).collect()
}

fn suite(cipher: CipherSuite) -> SupportedCipherSuite {
    match cipher {
        CipherSuite::EcdsaAes128Gcm => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes128Gcm => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256Gcm => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes256Gcm => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaChaCha20 => cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}
