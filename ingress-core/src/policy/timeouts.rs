//! How long the upstream side may take.

use std::time::Duration;

/// Timeouts towards an endpoint, with the defaults of ingress-nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until the connection stands (`proxy-connect-timeout`, 5 s).
    pub connect: Duration,
    /// Between two successive reads from the endpoint (`proxy-read-timeout`, 60 s).
    pub read: Duration,
    /// Between two successive writes to the endpoint (`proxy-send-timeout`, 60 s).
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { connect: Duration::from_secs(5), read: minute, send: minute }
    }
}
