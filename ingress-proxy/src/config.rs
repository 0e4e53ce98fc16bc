//! What is set once for the whole proxy. The defaults are those of ingress-nginx where it has the setting.

use std::time::Duration;

/// Settings of the data path that no route can change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Until a request's head is complete, from its first byte; also until the first byte of a new connection (`client-header-timeout`,
    /// 60 s).
    pub header_timeout: Duration,
    /// Between two reads of a request's body (`client-body-timeout`, 60 s).
    pub body_timeout: Duration,
    /// Until the first byte of the next request on a connection (`keep-alive`, 75 s); zero closes after each request.
    pub keep_alive: Duration,
    /// How many requests a connection may carry (`keep-alive-requests`, 1000).
    pub keep_alive_requests: u64,
    /// How long a client may refuse to take more of an answer (nginx `send_timeout`, 60 s).
    pub send_timeout: Duration,
    /// How many idle connections to endpoints each worker keeps (`upstream-keepalive-connections`, 320).
    pub upstream_keepalive: usize,
    /// How long an idle connection to an endpoint is kept (`upstream-keepalive-timeout`, 60 s).
    pub upstream_keepalive_timeout: Duration,
    /// The age at which a connection to an endpoint is not used again (`upstream-keepalive-time`, 1 h).
    pub upstream_keepalive_time: Duration,
    /// How many requests a connection to an endpoint may carry (`upstream-keepalive-requests`, 10000).
    pub upstream_keepalive_requests: u64,
    /// Give a request without `X-Request-ID` one (`generate-request-id`, true).
    pub generate_request_id: bool,
    /// A path that is answered 200 where no Ingress names the host (`--health-check-path`); none unless it is set.
    pub health_check_path: Option<String>,
    /// Let DNS names of upstreams lead to this machine: loopback and link-local addresses. For development only.
    pub local_endpoints: bool,
    /// How long idle client connections are kept during a drain, so that a request that is already on its way still gets its answer.
    pub drain_idle: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            header_timeout: minute,
            body_timeout: minute,
            keep_alive: Duration::from_secs(75),
            keep_alive_requests: 1000,
            send_timeout: minute,
            upstream_keepalive: 320,
            upstream_keepalive_timeout: minute,
            upstream_keepalive_time: Duration::from_secs(3600),
            upstream_keepalive_requests: 10_000,
            generate_request_id: true,
            health_check_path: None,
            local_endpoints: false,
            drain_idle: Duration::from_secs(1),
        }
    }
}
