//! TCP and UDP services: ports whose connections and datagrams go to endpoints as they are.

use std::sync::Arc;
use std::time::Duration;

/// A port of ours that leads to an upstream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Stream {
    /// TCP or UDP.
    pub protocol: StreamProtocol,
    /// The port, on every address that we listen on.
    pub port: u16,
    /// The name of the upstream.
    pub upstream: Arc<str>,
    /// Clients must begin with a PROXY header (TCP).
    pub accept_proxy: bool,
    /// Endpoints are sent a PROXY header, version 1 (TCP).
    pub send_proxy: bool,
}

impl Stream {
    /// A port that leads to an upstream, without PROXY headers.
    #[must_use]
    pub fn new(protocol: StreamProtocol, port: u16, upstream: impl Into<Arc<str>>) -> Self {
        Self { protocol, port, upstream: upstream.into(), accept_proxy: false, send_proxy: false }
    }
}

/// What a stream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamProtocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

impl StreamProtocol {
    /// What Kubernetes calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// What holds for all streams, each named after its key in ingress-nginx's ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSettings {
    /// How long both sides may be silent (`proxy-stream-timeout`, 600 s).
    pub timeout: Duration,
    /// Whether another endpoint is tried if one cannot be connected to (`proxy-stream-next-upstream`, true).
    pub next_upstream: bool,
    /// How long that may take (`proxy-stream-next-upstream-timeout`, 600 s; zero is no limit).
    pub next_upstream_timeout: Duration,
    /// How many endpoints (`proxy-stream-next-upstream-tries`, 3; 0 is all of them).
    pub next_upstream_tries: u32,
    /// How many datagrams answer one of a client (`proxy-stream-responses`, 1); `None` is not known.
    pub responses: Option<u32>,
}

impl Default for StreamSettings {
    fn default() -> Self {
        let ten_minutes = Duration::from_secs(600);
        Self {
            timeout: ten_minutes,
            next_upstream: true,
            next_upstream_timeout: ten_minutes,
            next_upstream_tries: 3,
            responses: Some(1),
        }
    }
}
