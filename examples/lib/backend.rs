//! A backend for the examples: a small HTTP server on loopback that says who it is.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Starts a backend on a free port of 127.0.0.1; it answers every request with `status` as a function of the path, and its own name.
///
/// # Errors
/// If no port is free.
pub async fn start(name: &'static str, status: fn(&str) -> StatusCode) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| async move {
                    let path = request.uri().path();
                    let text = format!("{name} at {address} got {} {path}\n", request.method());
                    let mut response = Response::new(Full::new(Bytes::from(text)));
                    *response.status_mut() = status(path);
                    Ok::<_, Infallible>(response)
                });
                // A client that goes away is none of a backend's business.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(address)
}

/// A backend that answers 200 to everything.
///
/// # Errors
/// If no port is free.
pub async fn start_ok(name: &'static str) -> io::Result<SocketAddr> {
    start(name, |_| StatusCode::OK).await
}
