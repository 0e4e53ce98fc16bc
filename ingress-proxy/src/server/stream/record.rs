//! What is noted of a connection or of a session of datagrams, for the observer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::stream::StreamProtocol;
use tokio::time::Instant;

use crate::observe::FinishedStream;
use crate::proxy::Proxy;

/// Bytes that went through, without PROXY headers.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::server) struct Traffic {
    /// From the client.
    pub(in crate::server) received: u64,
    /// To the client.
    pub(in crate::server) sent: u64,
}

/// A record of one connection or session. Whoever drops it tells the observer.
#[derive(Debug)]
pub(in crate::server) struct Record {
    proxy: Proxy,
    protocol: StreamProtocol,
    began: Instant,
    pub(in crate::server) client: SocketAddr,
    local: SocketAddr,
    pub(in crate::server) upstream: Arc<str>,
    /// The endpoint that was tried last.
    pub(in crate::server) endpoint: Option<SocketAddr>,
    connect_time: Option<Duration>,
    pub(in crate::server) status: u16,
    pub(in crate::server) traffic: Traffic,
}

/// No endpoint has taken the connection.
const BAD_GATEWAY: u16 = 502;

impl Record {
    /// Begins a record, of something that has not reached an endpoint yet.
    pub(in crate::server) fn new(
        proxy: Proxy,
        protocol: StreamProtocol,
        client: SocketAddr,
        local: SocketAddr,
        upstream: Arc<str>,
    ) -> Self {
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        Self {
            proxy,
            protocol,
            began: Instant::now(),
            client,
            local,
            upstream,
            endpoint: None,
            connect_time: None,
            status: BAD_GATEWAY,
            traffic: Traffic::default(),
        }
    }

    /// An endpoint has taken it.
    pub(in crate::server) fn connected(&mut self, endpoint: SocketAddr) {
        self.endpoint = Some(endpoint);
        self.connect_time = Some(self.began.elapsed());
        self.status = 200;
    }

    /// It has lost the endpoint that took it.
    pub(in crate::server) fn refused(&mut self) {
        self.status = BAD_GATEWAY;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.proxy.observe_stream(|log| FinishedStream {
            protocol: self.protocol,
            client: self.client,
            local: self.local,
            upstream: &self.upstream,
            endpoint: self.endpoint,
            status: self.status,
            bytes_received: self.traffic.received,
            bytes_sent: self.traffic.sent,
            connect_time: self.connect_time,
            duration: self.began.elapsed(),
            log,
        });
    }
}
