//! Upgrades: when a connection stops being HTTP.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::record::Record;
use super::tunnel::tunnel;
use super::websocket::Handshake;
use crate::body::Body;
use crate::error::Kind;
use crate::upstream::{Io, Raw};

/// An upgrade that a client asked for and that may be asked of an endpoint.
#[derive(Debug)]
pub(super) struct Upgrade {
    client: OnUpgrade,
    protocol: HeaderValue,
    /// For a client of HTTP/2, which has shaken no hands yet.
    handshake: Option<Handshake>,
    /// What the tunnel keeps from being given up as idle.
    held: Option<Held>,
}

/// Rides with a request that may become a tunnel over a connection that others share: while it lives, that connection is in use.
#[derive(Clone)]
pub(crate) struct Held {
    _guard: Arc<dyn Any + Send + Sync>,
}

impl Held {
    /// Holds whatever ends the use when it is dropped.
    pub(crate) fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _guard: Arc::new(guard) }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

impl Upgrade {
    /// Takes the upgrade out of a request, if it asks for one that is passed on: HTTP/1.1, no body, not a protocol that would be HTTP
    /// again (`h2c` through a tunnel would go past every rule), and WebSocket only with GET. Any other request is forwarded without it.
    ///
    /// Over HTTP/2 it is the extended CONNECT that has passed the checks.
    pub(super) fn take(request: &mut Request<Body>) -> Option<Self> {
        if request.version() >= Version::HTTP_2 {
            return Self::take_extended_connect(request);
        }
        let headers = request.headers();
        let mut protocols = headers.get_all(UPGRADE).iter();
        let (Some(protocol), None) = (protocols.next(), protocols.next()) else { return None };
        let asked = headers.get_all(CONNECTION).iter().any(|line| {
            line.as_bytes()
                .split(|&byte| byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        });
        let passes = asked
            && request.version() == Version::HTTP_11
            && request.body().is_end_stream()
            && may_pass(protocol, request.method());
        if !passes {
            return None;
        }
        let protocol = protocol.clone();
        Some(Self { client: hyper::upgrade::on(request), protocol, handshake: None, held: None })
    }

    fn take_extended_connect(request: &mut Request<Body>) -> Option<Self> {
        request.extensions_mut().remove::<Protocol>()?;
        Some(Self {
            client: hyper::upgrade::on(&mut *request),
            protocol: HeaderValue::from_static("websocket"),
            handshake: Some(Handshake::new()),
            held: request.extensions_mut().remove(),
        })
    }

    /// Asks the endpoint for it.
    pub(super) fn ask(&self, request: &mut Request<Body>) {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(UPGRADE, self.protocol.clone());
        if let Some(handshake) = &self.handshake {
            handshake.ask(request.headers_mut());
        }
    }

    /// Joins the two sides once the client has been told; `response` is the endpoint's 101, and `endpoint` what is behind it. The record
    /// ends with the tunnel.
    ///
    /// # Errors
    /// [`Kind::BadResponse`] if the endpoint has not understood the handshake that we made for the client.
    pub(super) fn join(
        self,
        mut response: Response<()>,
        endpoint: Raw<Io>,
        idle: Duration,
        record: &mut Option<Box<Record>>,
    ) -> Result<Response<Body>, Kind> {
        if let Some(handshake) = self.handshake {
            if !handshake.finish(response.headers_mut()) {
                return Err(Kind::BadResponse);
            }
            *response.status_mut() = StatusCode::OK;
        } else {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(UPGRADE, self.protocol);
        }
        let response = response.map(|()| Body::empty());
        let mut record = record.take();
        if let Some(record) = &mut record {
            record.answers(&response, response.status());
        }
        let (client, held) = (self.client, self.held);
        tokio::spawn(async move {
            match client.await {
                Ok(client) => tunnel(TokioIo::new(client), endpoint, idle, record).await,
                Err(error) => tracing::debug!(%error, "an upgraded connection ended before it began"),
            }
            drop(held);
        });
        Ok(response)
    }

    /// The endpoint has answered with this status in place of a 101.
    ///
    /// # Errors
    /// [`Kind::BadResponse`] for one that would tell a client of HTTP/2 that the tunnel stands.
    pub(super) fn refused(&self, status: StatusCode) -> Result<(), Kind> {
        match self.handshake.is_some() && status.is_success() {
            true => Err(Kind::BadResponse),
            false => Ok(()),
        }
    }
}

/// True if a response switches protocols.
pub(super) fn is_switch<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

fn may_pass(protocol: &HeaderValue, method: &Method) -> bool {
    let Ok(protocol) = protocol.to_str() else { return false };
    let name = protocol.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "websocket" => method == Method::GET,
        "" | "h2" | "h2c" | "http" | "tls" => false,
        // A list offers several protocols: which one the endpoint takes could not be held against the rule above.
        _ => !protocol.contains(','),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &str, protocol: &str, connection: &str) -> bool {
        let request = Request::builder()
            .method(method)
            .uri("/")
            .header(UPGRADE, protocol)
            .header(CONNECTION, connection);
        Upgrade::take(&mut request.body(Body::empty()).unwrap()).is_some()
    }

    #[test]
    fn only_what_stops_being_http_passes() {
        assert!(passes("GET", "websocket", "Upgrade"));
        assert!(passes("GET", "WebSocket", "keep-alive, upgrade"));
        assert!(passes("POST", "SPDY/3.1", "upgrade"));
        assert!(!passes("POST", "websocket", "upgrade"));
        assert!(!passes("GET", "websocket", "keep-alive"));
        for protocol in ["h2c", "H2C", "HTTP/2.0", "TLS/1.0", "foo, h2c", "websocket, h2c"] {
            assert!(!passes("GET", protocol, "upgrade"), "{protocol}");
        }
    }
}
