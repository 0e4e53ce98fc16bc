//! The door from the data path to logs and metrics.
//!
//! Each worker has an [`Observer`] of its own, which it calls once for each request, when the last byte of the answer is handed to the
//! connection or the request is given up, and once for each connection of a stream, when it is over. It runs on the worker's thread: it
//! must not wait or panic, and should write no memory that workers share. A pair of observers is an observer, and so is a list.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Uri, Version};
use ingress_core::Route;
use ingress_core::stream::StreamProtocol;

use crate::connection::Connection;

/// Somebody who is told of each request. One for each worker.
pub trait Observer: fmt::Debug + Send {
    /// A request is over.
    fn finished(&mut self, request: &Finished<'_>);

    /// True if it makes nothing of a request whose [`log`](Finished::log) is false: while the settings want no access log, it is told of
    /// none. Asked once, before the first request.
    fn only_logged(&self) -> bool {
        false
    }

    /// A connection of a TCP service, or a session of a UDP service, is over; so is a TLS connection that was passed on unopened.
    fn stream_finished(&mut self, _stream: &FinishedStream<'_>) {}
}

impl Observer for Box<dyn Observer> {
    fn finished(&mut self, request: &Finished<'_>) {
        (**self).finished(request);
    }

    fn only_logged(&self) -> bool {
        (**self).only_logged()
    }

    fn stream_finished(&mut self, stream: &FinishedStream<'_>) {
        (**self).stream_finished(stream);
    }
}

/// Tells both.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn finished(&mut self, request: &Finished<'_>) {
        self.0.finished(request);
        self.1.finished(request);
    }

    fn only_logged(&self) -> bool {
        self.0.only_logged() && self.1.only_logged()
    }

    fn stream_finished(&mut self, stream: &FinishedStream<'_>) {
        self.0.stream_finished(stream);
        self.1.stream_finished(stream);
    }
}

/// Tells each.
impl<O: Observer> Observer for Vec<O> {
    fn finished(&mut self, request: &Finished<'_>) {
        self.iter_mut().for_each(|observer| observer.finished(request));
    }

    fn only_logged(&self) -> bool {
        self.iter().all(|observer| observer.only_logged())
    }

    fn stream_finished(&mut self, stream: &FinishedStream<'_>) {
        self.iter_mut().for_each(|observer| observer.stream_finished(stream));
    }
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Finished<'r> {
    /// Who sent it, if that is known.
    pub connection: Option<&'r Connection>,
    /// The client's address as the settings about trusted proxies make it out.
    pub client: Option<IpAddr>,
    /// The method; `None` if the head was refused before it was read as one.
    pub method: Option<&'r Method>,
    /// The target as the client wrote it; `None` if the head was refused before it was read as one.
    pub target: Option<&'r Uri>,
    /// The first line of a head that was refused before it was read as one, as far as it had come. Any bytes but line ends.
    pub refused_line: Option<&'r [u8]>,
    /// The protocol version.
    pub version: Version,
    /// The host in its canonical form; empty if there is none, or none that can be read.
    pub host: &'r str,
    /// `Referer`.
    pub referer: Option<&'r HeaderValue>,
    /// `User-Agent`.
    pub user_agent: Option<&'r HeaderValue>,
    /// The `X-Request-ID` that the endpoint was sent; that of the client if there was no endpoint.
    pub request_id: Option<&'r HeaderValue>,
    /// The status of the answer; 499 if the client went away before there was one.
    pub status: u16,
    /// Bytes of the request: its line, its fields, and its body without framing as far as it was read.
    pub request_length: u64,
    /// Bytes of the answer: status line and fields, and its body without framing as far as it was sent.
    pub bytes_sent: u64,
    /// Bytes of the answer's body, without framing, as far as it was sent.
    pub body_bytes_sent: u64,
    /// From the complete head of the request to the end.
    pub duration: Duration,
    /// The route, if one matched: also for a request that was refused on it.
    pub route: Option<&'r Arc<Route>>,
    /// True if no rule matches: then the route is the one for that, if there is one.
    pub default_backend: bool,
    /// True if an Ingress names the host.
    pub known_host: bool,
    /// True for the answer of the health path, which ingress-nginx does not log.
    pub health_check: bool,
    /// True if the settings want the request in the access log.
    pub log: bool,
    /// The endpoints that were tried, in order.
    pub tries: &'r [Try],
}

impl<'r> Finished<'r> {
    /// A request of which nothing else is known: for tests of an observer.
    #[must_use]
    pub fn new(method: &'r Method, target: &'r Uri) -> Self {
        Self {
            connection: None,
            client: None,
            method: Some(method),
            target: Some(target),
            refused_line: None,
            version: Version::HTTP_11,
            host: "",
            referer: None,
            user_agent: None,
            request_id: None,
            status: 200,
            request_length: 0,
            bytes_sent: 0,
            body_bytes_sent: 0,
            duration: Duration::ZERO,
            route: None,
            default_backend: false,
            known_host: false,
            health_check: false,
            log: true,
            tries: &[],
        }
    }
}

/// A connection or a session of a stream that is over.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FinishedStream<'s> {
    /// TCP or UDP.
    pub protocol: StreamProtocol,
    /// The client: who connected, or on whose behalf, if that is believed.
    pub client: SocketAddr,
    /// What it connected to.
    pub local: SocketAddr,
    /// The name of the upstream.
    pub upstream: &'s str,
    /// The endpoint that was tried last, or that took it.
    pub endpoint: Option<SocketAddr>,
    /// As nginx has it: 200 if an endpoint took it, 400 if it did not begin with the PROXY header that it must begin with, 502 if no endpoint
    /// took it.
    pub status: u16,
    /// Bytes from the client, without a PROXY header.
    pub bytes_received: u64,
    /// Bytes to the client.
    pub bytes_sent: u64,
    /// Until an endpoint took it; `None` if none has.
    pub connect_time: Option<Duration>,
    /// From the first byte or datagram to the end.
    pub duration: Duration,
    /// True if the settings want it in the access log.
    pub log: bool,
}

impl FinishedStream<'_> {
    /// A stream of which nothing else is known: for tests of an observer.
    #[must_use]
    pub fn new(protocol: StreamProtocol, client: SocketAddr, local: SocketAddr) -> Self {
        Self {
            protocol,
            client,
            local,
            upstream: "",
            endpoint: None,
            status: 200,
            bytes_received: 0,
            bytes_sent: 0,
            connect_time: None,
            duration: Duration::ZERO,
            log: true,
        }
    }
}

/// One try of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Try {
    /// The endpoint.
    pub address: SocketAddr,
    /// The status of its answer, or the 502 or 504 that stands for its failure; `None` if the client gave up before.
    pub status: Option<u16>,
    /// Bytes of its body.
    pub response_length: u64,
    /// Until the connection stood; zero for one that was open.
    pub connect_time: Duration,
    /// Until the head of its answer was there; `None` if there was none.
    pub header_time: Option<Duration>,
    /// Until its answer was complete, or until it failed.
    pub response_time: Duration,
}

impl Try {
    /// A try of which nothing else is known: for tests of an observer.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            status: None,
            response_length: 0,
            connect_time: Duration::ZERO,
            header_time: None,
            response_time: Duration::ZERO,
        }
    }
}
