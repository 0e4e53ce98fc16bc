//! When another endpoint is tried.

use std::time::Duration;

/// Retries, with the defaults of ingress-nginx (`proxy-next-upstream: error timeout`, 3 tries).
///
/// Whatever is allowed here, a request is tried again only while nothing of the answer has gone to the client and nothing of its body has
/// been read, and a POST, LOCK or PATCH that was sent only with `non_idempotent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How many endpoints are tried in all (`proxy-next-upstream-tries`); 0 means no limit but the number of endpoints.
    pub tries: u32,
    /// How long tries may go on (`proxy-next-upstream-timeout`); zero means no limit.
    pub timeout: Duration,
    /// After a connection that was refused, reset or closed before an answer (`error`).
    pub on_error: bool,
    /// After a timeout of connecting, sending or waiting for the answer (`timeout`).
    pub on_timeout: bool,
    /// Also methods that are not idempotent (`non_idempotent`).
    pub non_idempotent: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 3, timeout: Duration::ZERO, on_error: true, on_timeout: true, non_idempotent: false }
    }
}
