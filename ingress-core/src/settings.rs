//! What holds for every request and connection of a snapshot, whatever its route. The defaults are those of ingress-nginx.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::stream::StreamSettings;
use crate::tls::TlsSettings;

/// Settings of a snapshot. Each is named after its key in ingress-nginx's ConfigMap, which is given with the default.
///
/// A connection takes those about connections when it is accepted, a request the others when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Until a request's head is complete, from its first byte; also until the first byte of a new connection (`client-header-timeout`,
    /// 60 s).
    pub client_header_timeout: Duration,
    /// Between two reads of a request's body (`client-body-timeout`, 60 s).
    pub client_body_timeout: Duration,
    /// Until the first byte of the next request on a connection (`keep-alive`, 75 s); zero closes after each request.
    pub keep_alive: Duration,
    /// How many requests a connection may carry (`keep-alive-requests`, 1000).
    pub keep_alive_requests: u64,
    /// How many idle connections to endpoints each worker keeps (`upstream-keepalive-connections`, 320).
    pub upstream_keepalive_connections: usize,
    /// How long an idle connection to an endpoint is kept (`upstream-keepalive-timeout`, 60 s).
    pub upstream_keepalive_timeout: Duration,
    /// The age at which a connection to an endpoint is not used again (`upstream-keepalive-time`, 1 h).
    pub upstream_keepalive_time: Duration,
    /// How many requests a connection to an endpoint may carry (`upstream-keepalive-requests`, 10000).
    pub upstream_keepalive_requests: u64,
    /// Give a request without `X-Request-ID` one (`generate-request-id`, true).
    pub generate_request_id: bool,
    /// What is believed of the headers in which a proxy in front of us tells about its client.
    pub forwarded: Forwarded,
    /// Send `Server` with our name (`server-tokens`, false).
    pub server_tokens: bool,
    /// Let `Server` of an endpoint through (`allow-backend-server-header`, false).
    pub allow_backend_server_header: bool,
    /// Headers of endpoints' answers that are removed (`hide-headers`, none).
    pub hide_headers: Vec<HeaderName>,
    /// What is written to the access log.
    pub access_log: AccessLog,
    /// TLS with clients.
    pub tls: TlsSettings,
    /// The value of `Strict-Transport-Security` in answers over TLS (`hsts` and `hsts-*`, `max-age=31536000; includeSubDomains`); none if
    /// that is off.
    pub hsts: Option<HeaderValue>,
    /// Speak HTTP/2 with clients that know TLS (`use-http2`, true).
    pub http2: bool,
    /// How many requests a client may run at once on a connection of HTTP/2 (`http2-max-concurrent-streams`, 128).
    pub http2_max_concurrent_streams: u32,
    /// Speak HTTP/3 on the ports of TLS (`use-http3`, false; ingress-nginx has no such key).
    pub http3: bool,
    /// Every connection for HTTP begins with a PROXY header (`use-proxy-protocol`, false). It is believed of those who are
    /// [`trusted`](Forwarded::trusted).
    pub use_proxy_protocol: bool,
    /// How long that header may take (`proxy-protocol-header-timeout`, 5 s).
    pub proxy_protocol_header_timeout: Duration,
    /// TCP and UDP services.
    pub streams: StreamSettings,
}

impl Default for Settings {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            client_header_timeout: minute,
            client_body_timeout: minute,
            keep_alive: Duration::from_secs(75),
            keep_alive_requests: 1000,
            upstream_keepalive_connections: 320,
            upstream_keepalive_timeout: minute,
            upstream_keepalive_time: Duration::from_secs(3600),
            upstream_keepalive_requests: 10_000,
            generate_request_id: true,
            forwarded: Forwarded::default(),
            server_tokens: false,
            allow_backend_server_header: false,
            hide_headers: Vec::new(),
            access_log: AccessLog::default(),
            tls: TlsSettings::default(),
            hsts: Some(HeaderValue::from_static("max-age=31536000; includeSubDomains")),
            http2: true,
            http2_max_concurrent_streams: 128,
            http3: false,
            use_proxy_protocol: false,
            proxy_protocol_header_timeout: Duration::from_secs(5),
            streams: StreamSettings::default(),
        }
    }
}

/// Which headers about the client are believed, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// Take host, port, scheme and the client's address from `X-Forwarded-*` (`use-forwarded-headers`, false).
    pub use_forwarded_headers: bool,
    /// Take only the client's address from [`header`](Self::header) (`enable-real-ip`, false).
    pub enable_real_ip: bool,
    /// Send `X-Forwarded-For` on with the peer's address added, rather than replace it (`compute-full-forwarded-for`, false).
    pub compute_full_forwarded_for: bool,
    /// The header with the addresses (`forwarded-for-header`, `X-Forwarded-For`).
    pub header: HeaderName,
    /// The header that is echoed as `X-Original-Forwarded-Host` (`forwarded-host-header`, `X-Forwarded-Host`).
    pub host_header: HeaderName,
    /// The proxies that are believed (`proxy-real-ip-cidr`, `0.0.0.0/0`: every IPv4 address).
    pub trusted: Vec<IpNet>,
    /// Send the target as the client wrote it as `X-Original-URI` (`proxy-add-original-uri-header`, false).
    pub add_original_uri: bool,
}

impl Default for Forwarded {
    fn default() -> Self {
        Self {
            use_forwarded_headers: false,
            enable_real_ip: false,
            compute_full_forwarded_for: false,
            header: HeaderName::from_static("x-forwarded-for"),
            host_header: HeaderName::from_static("x-forwarded-host"),
            trusted: vec![IpNet::V4(ipnet::Ipv4Net::default())],
            add_original_uri: false,
        }
    }
}

/// Which requests and streams are written to the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLog {
    /// Write it (`disable-access-log` and `disable-http-access-log` turn it off).
    pub enabled: bool,
    /// Write TCP and UDP services too (`disable-access-log` and `disable-stream-access-log` turn it off).
    pub streams: bool,
    /// Also requests that the default backend answers because no Ingress names their host (`enable-access-log-for-default-backend`,
    /// false).
    pub default_backend: bool,
    /// Request targets that are not written, compared as a whole (`skip-access-log-urls`, none).
    pub skip: Vec<String>,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { enabled: true, streams: true, default_backend: false, skip: Vec::new() }
    }
}
