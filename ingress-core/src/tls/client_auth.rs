//! Certificates of clients.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

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

/// Whether a client must show a certificate, the strictest first. (`off` is no [`ClientAuth`] at all.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerifyClient {
    /// A good one.
    On,
    /// None, or a good one.
    Optional,
    /// None, a good one, or one that nobody known vouches for.
    OptionalNoCa,
}

/// How long an expression may be, in bytes.
const LONGEST: usize = 4096;

/// A regular expression, compiled; equal if its text is.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl Pattern {
    /// Compiles an expression of no more than 4096 bytes. It matches in time that grows with the text alone, and takes no more than 1 MiB.
    ///
    /// # Errors
    /// What of the expression cannot be compiled: look-around and back references are among it.
    pub fn new(expression: &str) -> Result<Self, String> {
        // What is read of it is larger by far: five bytes such as `[\pL]` are hundreds of ranges.
        if expression.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let built = RegexBuilder::new(expression).size_limit(1 << 20).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            // The text is drawn over several lines, of which the last says what is wrong.
            error => {
                let text = error.to_string();
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
            }
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_anywhere_and_what_cannot_be_compiled_is_named() {
        let pattern = Pattern::new("CN=a(b|c)").unwrap();
        assert!(pattern.0.is_match("O=x,CN=ab,C=de") && !pattern.0.is_match("CN=ad"));
        assert!(Pattern::new(r"(?i)CN=\w+\d").unwrap().0.is_match("cn=x1"));
        for (expression, part) in [
            ("CN=(?!a)", "look-around"),
            (r"CN=(a)\1", "backreferences"),
            ("CN=(", "unclosed group"),
            ("CN=((a{1,100}){1,100}){1,100}", "too large"),
        ] {
            let error = Pattern::new(expression).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{expression}: {error}");
        }
        assert!(Pattern::new(&"a".repeat(LONGEST)).is_ok());
        assert_eq!(Pattern::new(&"a".repeat(LONGEST + 1)), Err("it is longer than 4096 bytes".to_owned()));
    }
}
