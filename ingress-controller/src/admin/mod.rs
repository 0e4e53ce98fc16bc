//! The port for probes and metrics, on a thread of its own: it answers while a compile keeps the control thread busy.

mod health;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::port::Port;
use health::Probe;

pub(crate) use health::Health;

/// So many connections are served at once.
const MOST_CONNECTIONS: usize = 64;

/// When all are taken, one that is older than this makes room: a probe waits for a second and needs milliseconds.
const HOLD: Duration = Duration::from_millis(200);

/// Until a request's head is complete, and between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may last: probes are short, and whoever reads metrics connects again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The bound port.
#[derive(Debug)]
pub(crate) struct Admin {
    port: Port,
}

/// What the port answers with.
#[derive(Debug)]
pub(crate) struct Site {
    /// Path of the health check (`--health-check-path`).
    pub(crate) health_check_path: String,
    /// What the probes are told.
    pub(crate) health: Arc<Health>,
    /// What `/metrics` shows.
    pub(crate) metrics: Arc<Metrics>,
}

impl Admin {
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, Error> {
        Ok(Self { port: Port::bind(address, "--healthz-port")? })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Answers until `stop` is closed.
    pub(crate) async fn run(self, site: Site, stop: watch::Receiver<()>) {
        let site = Arc::new(site);
        let limits = (MOST_CONNECTIONS, HOLD);
        self.port.run("health check", limits, stop, |stream| serve(stream, site.clone())).await;
    }
}

async fn serve(stream: tokio::net::TcpStream, site: Arc<Site>) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = site.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await {
        tracing::trace!("health check: {error}");
    }
}

impl Site {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused =
                text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n".into());
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let path = request.uri().path();
        match path {
            // One of the others as path of the health check is meant; and below `/` everything lies.
            _ if below(path, &self.health_check_path) == Some("") => self.probe(Probe::Healthy, "", request),
            "/metrics" => response(StatusCode::OK, self.metrics.render(), METRICS),
            _ => match (below(path, "/readyz"), below(path, &self.health_check_path)) {
                (Some(check), _) => self.probe(Probe::Ready, check, request),
                (None, Some(check)) => self.probe(Probe::Healthy, check, request),
                (None, None) => text(StatusCode::NOT_FOUND, "not found\n".into()),
            },
        }
    }

    /// `?verbose` names the checks although they pass.
    fn probe<B>(&self, probe: Probe, check: &str, request: &Request<B>) -> Response<Full<Bytes>> {
        let mut query = request.uri().query().unwrap_or_default().split('&');
        let verbose = query.any(|part| part == "verbose" || part.starts_with("verbose="));
        match self.health.answer(probe, check, verbose) {
            Some((true, body)) => text(StatusCode::OK, body),
            Some((false, body)) => text(StatusCode::INTERNAL_SERVER_ERROR, body),
            None => text(StatusCode::NOT_FOUND, "not found\n".into()),
        }
    }
}

/// What follows `root` in a path, without slashes around it; `None` if the path does not lie there.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// The text format that every Prometheus reads.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    response(status, text, "text/plain; charset=utf-8")
}

fn response(status: StatusCode, text: String, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
