//! One request and its answer.

use std::time::Duration;

use bytes::Bytes;
use h3::server::{RequestResolver, RequestStream};
use http::header::{CONTENT_LENGTH, EXPECT, HeaderMap};
use http::{Method, Request, StatusCode};
use tokio::time::timeout;
use tower::ServiceExt;

use super::answer::Answer;
use super::body::RequestBody;
use super::guard::{BidiStream, Connection};
use crate::body::{Body, BoxError};
use crate::proxy::Proxy;
use crate::server::http::HttpService;

/// What the requests of a connection have in common.
#[derive(Debug, Clone)]
pub(super) struct Site<S> {
    pub(super) service: S,
    pub(super) proxy: Proxy,
    /// How long a head may take.
    pub(super) head_time: Duration,
    /// How long a client may take no more of an answer.
    pub(super) send_time: Duration,
}

/// Reads a request and answers it.
pub(super) async fn serve<S: HttpService>(resolver: RequestResolver<Connection, Bytes>, site: Site<S>) {
    let served = match timeout(site.head_time, resolver.resolve_request()).await {
        Ok(Ok((request, stream))) => answer(request, stream, site).await,
        Ok(Err(error)) => {
            // h3 has answered it, if it can be answered: what is left to do is to tell of it.
            drop(site.proxy.refuse(StatusCode::BAD_REQUEST, b""));
            Err(error.into())
        }
        Err(late) => Err(late.into()),
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a request of HTTP/3 ended early");
    }
}

async fn answer<S: HttpService>(
    request: Request<()>,
    stream: RequestStream<BidiStream, Bytes>,
    site: Site<S>,
) -> Result<(), BoxError> {
    let (send, receive) = stream.split();
    let mut answer = Answer::new(send, site.send_time, request.method() == Method::HEAD);
    let Ok(length) = length(request.headers()) else {
        drop(receive);
        return answer.send(site.proxy.refuse(StatusCode::BAD_REQUEST, b"")).await;
    };
    let mut body = RequestBody::new(receive, length);
    // Of requests that seldom have one, it is better to know that there is none than to announce one to the endpoint.
    if length.is_none() && matches!(*request.method(), Method::GET | Method::HEAD) {
        timeout(site.head_time, body.look()).await??;
    }
    if request
        .headers()
        .get(EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        answer.go_on().await?;
    }
    let Ok(response) = site.service.oneshot(request.map(|()| Body::new(body))).await;
    answer.send(response).await
}

/// The length that the head gives for the body, if it gives one.
fn length(headers: &HeaderMap) -> Result<Option<u64>, ()> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(CONTENT_LENGTH) { Err(()) } else { Ok(None) };
    };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_length_or_none() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            length(&headers)
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["12"]), Ok(Some(12)));
        for wrong in [&["1", "1"][..], &["+1"], &["-1"], &[""], &["1, 1"], &["99999999999999999999"], &["1 "]]
        {
            assert_eq!(of(wrong), Err(()), "{wrong:?}");
        }
    }
}
