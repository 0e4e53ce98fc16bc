//! The port for the health check, on a thread of its own: it answers while a compile keeps the control thread busy.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{Semaphore, watch};

use crate::error::Error;

/// More connections than this wait to be accepted.
const MOST_CONNECTIONS: usize = 64;

/// Until a request's head is complete, and between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may last: probes are short.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the controller serves.
#[derive(Debug, Default)]
pub(crate) struct Health {
    serves: AtomicBool,
}

impl Health {
    pub(crate) fn set(&self, serves: bool) {
        self.serves.store(serves, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.serves.load(Ordering::Acquire)
    }
}

/// The bound port.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, Error> {
        let bind = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            if address.is_ipv6() {
                socket.set_only_v6(false)?;
            }
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(128)?;
            let listener = TcpListener::from(socket);
            Ok(Self { address: listener.local_addr()?, listener })
        };
        bind().map_err(|source| Error::Listen { flag: "--healthz-port", address, source })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is closed.
    pub(crate) async fn run(self, path: &str, health: Arc<Health>, mut stop: watch::Receiver<()>) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the health check is not served: {error}"),
        };
        let path: Arc<str> = path.trim_end_matches('/').into();
        let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let accept = async {
            loop {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let (path, health) = (path.clone(), health.clone());
                        tokio::spawn(async move {
                            serve(stream, &path, &health).await;
                            drop(permit);
                        });
                    }
                    // Out of files, most likely: the next try may find one.
                    Err(error) => {
                        tracing::debug!("health check: cannot accept: {error}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stop.changed() => {}
        }
    }
}

async fn serve(stream: tokio::net::TcpStream, path: &str, health: &Health) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = answer(path, health.get(), &request);
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

/// In the manner of Kubernetes' own health checks: two checks, each with a path of its own, and `?verbose` names them.
fn answer<B>(path: &str, serves: bool, request: &Request<B>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n".into());
    }
    let check = match request.uri().path().strip_prefix(path) {
        Some("" | "/") => None,
        Some("/ping") => Some(true),
        Some("/nginx-ingress-controller") => Some(serves),
        _ => return response(StatusCode::NOT_FOUND, "not found\n".into()),
    };
    let verbose = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|part| part == "verbose" || part.starts_with("verbose=")));
    match check {
        Some(true) => response(StatusCode::OK, "ok".into()),
        Some(false) => response(StatusCode::INTERNAL_SERVER_ERROR, "does not serve\n".into()),
        None if serves && !verbose => response(StatusCode::OK, "ok".into()),
        None => {
            let (status, line, end) = if serves {
                (StatusCode::OK, "[+]nginx-ingress-controller ok", "passed")
            } else {
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "[-]nginx-ingress-controller failed: does not serve",
                    "failed",
                )
            };
            response(status, format!("[+]ping ok\n{line}\nhealthz check {end}\n"))
        }
    }
}

fn response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn get(serves: bool, target: &str) -> (u16, String) {
        let request = Request::get(target).body(()).unwrap();
        let response = answer("/healthz", serves, &request);
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_answers_as_kubernetes_health_checks_do() {
        assert_eq!(get(true, "/healthz").await, (200, "ok".into()));
        assert_eq!(get(true, "/healthz/").await, (200, "ok".into()));
        assert_eq!(get(false, "/healthz").await.0, 500);
        assert_eq!(get(false, "/healthz/ping").await, (200, "ok".into()));
        assert_eq!(get(false, "/healthz/nginx-ingress-controller").await.0, 500);
        assert_eq!(get(true, "/healthz/nginx-ingress-controller").await, (200, "ok".into()));
        let passed = "[+]ping ok\n[+]nginx-ingress-controller ok\nhealthz check passed\n";
        assert_eq!(get(true, "/healthz?verbose").await, (200, passed.into()));
        for target in ["/", "/health", "/healthz/other", "/healthzz"] {
            assert_eq!(get(true, target).await.0, 404, "{target}");
        }
        let request = Request::post("/healthz").body(()).unwrap();
        assert_eq!(answer("/healthz", true, &request).status(), 405);
    }
}
