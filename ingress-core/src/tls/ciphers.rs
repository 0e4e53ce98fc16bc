//! The names of ciphers.

use super::CipherSuite;

impl CipherSuite {
    /// The suite of a name of OpenSSL, such as `ECDHE-RSA-AES128-GCM-SHA256`, in any case; `None` for words that are not the name of one
    /// suite (`HIGH`, `!aNULL`), for suites of TLS 1.3, and for those that are not spoken.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::DEFAULT.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// What OpenSSL calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaAes128Gcm => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Self::RsaAes128Gcm => "ECDHE-RSA-AES128-GCM-SHA256",
            Self::EcdsaAes256Gcm => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Self::RsaAes256Gcm => "ECDHE-RSA-AES256-GCM-SHA384",
            Self::EcdsaChaCha20 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Self::RsaChaCha20 => "ECDHE-RSA-CHACHA20-POLY1305",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_openssl() {
        for suite in CipherSuite::DEFAULT {
            assert_eq!(CipherSuite::parse(suite.name()), Some(suite));
        }
        let lower = CipherSuite::parse("ecdhe-rsa-chacha20-poly1305");
        assert_eq!(lower, Some(CipherSuite::RsaChaCha20));
        for other in
            ["", "HIGH", "!aNULL", "TLS_AES_128_GCM_SHA256", "AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"]
        {
            assert_eq!(CipherSuite::parse(other), None, "{other}");
        }
    }
}
