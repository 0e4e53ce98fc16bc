//! One connection: handshake, one question, one answer.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::Context;
use super::review::{self, NoAnswer};
use crate::metrics::Checked;

/// How much of a question that is too large is read and forgotten, so that its sender gets to read the answer.
const SWALLOW: usize = 16 << 20;

/// Serves one question: one connection each is what keeps callers from holding places that others need. What takes too long is cut.
pub(super) async fn connection(stream: TcpStream, config: Arc<ServerConfig>, context: Arc<Context>) {
    let limits = context.limits;
    let stream = match timeout(limits.handshake, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!("admission webhook: handshake: {error}"),
        Err(_) => return tracing::debug!("admission webhook: handshake: too slow"),
    };
    let service = service_fn(|request| {
        let context = &*context;
        async move { Ok::<_, Infallible>(respond(request, context).await) }
    });
    // No timer of its own: all of it has one time.
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(limits.exchange, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("admission webhook: {error}"),
        Err(_) => tracing::debug!("admission webhook: the question took too long"),
    }
}

async fn respond(request: Request<Incoming>, context: &Context) -> Response<Full<Bytes>> {
    match ask(request, context).await {
        Ok(body) => response(StatusCode::OK, "application/json", body),
        Err((status, problem)) => {
            let mut response = response(status, "text/plain; charset=utf-8", problem.into());
            if status == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            response
        }
    }
}

async fn ask(request: Request<Incoming>, context: &Context) -> Result<Bytes, NoAnswer> {
    let start = Instant::now();
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "only POST is answered here\n".into()));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !content_type.eq_ignore_ascii_case("application/json") {
        let problem = "only the Content-Type application/json is understood here\n".into();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    let body = read(request.into_body(), context.limits.body).await?;
    let answer = review::answer(&body, &context.judge)?;
    if let Some(judged) = answer.judged {
        context.metrics.checked(Checked {
            namespace: judged.namespace,
            name: judged.name,
            refused: judged.refused,
            judged: judged.time,
            roundtrip: start.elapsed(),
            size: body.len() as u64,
        });
    }
    Ok(answer.body.into())
}

async fn read(mut body: Incoming, most: usize) -> Result<BytesMut, NoAnswer> {
    let too_large = || (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes\n"));
    if body.size_hint().lower() > SWALLOW as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the body ended too early\n".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > SWALLOW {
            return Err(too_large());
        } else if length > most {
            bytes = BytesMut::new();
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    if length > most { Err(too_large()) } else { Ok(bytes) }
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
