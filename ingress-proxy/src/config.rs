//! What is set once for the whole proxy. What may change while it runs is in the snapshot ([`Settings`](ingress_core::Settings)).

use std::time::Duration;

/// Settings of the data path that neither a route nor a snapshot can change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long a client may refuse to take more of an answer (nginx `send_timeout`, 60 s).
    pub send_timeout: Duration,
    /// A path that is answered 200 where no Ingress names the host (`--health-check-path`); none unless it is set.
    pub health_check_path: Option<String>,
    /// Let DNS names of upstreams lead to this machine: loopback and link-local addresses. For development only.
    pub local_endpoints: bool,
    /// How long a client may take for a handshake of TLS, from its first byte on (10 s; nginx bounds it by `client_header_timeout`).
    pub handshake_timeout: Duration,
    /// How long idle client connections are kept during a drain, so that a request that is already on its way still gets its answer.
    pub drain_idle: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            send_timeout: Duration::from_secs(60),
            health_check_path: None,
            local_endpoints: false,
            handshake_timeout: Duration::from_secs(10),
            drain_idle: Duration::from_secs(1),
        }
    }
}
