//! Certificates of clients.

use std::sync::Arc;

use regex::Regex;

use super::Trust;

/// What is asked of the clients of a host (`auth-tls-*` of ingress-nginx).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuth {
    /// Who vouches for clients (`auth-tls-secret`).
    pub trust: Arc<Trust>,
    /// Whether a certificate must be shown (`auth-tls-verify-client`).
    pub verify: VerifyClient,
    /// How many authorities may stand between a client's certificate and one of [`trust`](Self::trust) (`auth-tls-verify-depth`, 1).
    pub depth: u32,
    /// Where a client without a good certificate is sent, in place of 400 (`auth-tls-error-page`): a URL or a path.
    pub error_page: Option<Arc<str>>,
    /// What the subject of the certificate must match, in place of 403 (`auth-tls-match-cn`, without `CN=` cut off).
    pub match_subject: Option<Pattern>,
    /// Endpoints get the certificate as `ssl-client-cert` (`auth-tls-pass-certificate-to-upstream`).
    pub pass_certificate: bool,
}

impl ClientAuth {
    /// Clients must show a certificate that `trust` vouches for.
    #[must_use]
    pub fn new(trust: Arc<Trust>) -> Self {
        Self {
            trust,
            verify: VerifyClient::On,
            depth: 1,
            error_page: None,
            match_subject: None,
            pass_certificate: false,
        }
    }
}

/// Whether a client must show a certificate. (`off` is no [`ClientAuth`] at all.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyClient {
    /// A good one.
    On,
    /// None, or a good one.
    Optional,
    /// None, a good one, or one that nobody known vouches for.
    OptionalNoCa,
}

/// A regular expression, compiled; equal if its text is.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}
