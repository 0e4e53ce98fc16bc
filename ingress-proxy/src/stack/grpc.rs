//! Failures as clients of gRPC understand them: a status of gRPC in the head of an answer that has nothing else.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};

use crate::body::Body;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// True for a call of gRPC, which there is over HTTP/2 and by POST alone: to a CONNECT a 200 would mean something else.
/// (`application/grpc-web` is another protocol.)
pub(super) fn is_call<B>(request: &Request<B>) -> bool {
    request.version() >= Version::HTTP_2 && request.method() == Method::POST && is_grpc(request.headers())
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return false };
    let usual = b"application/grpc";
    match kind.split_at_checked(usual.len()) {
        Some((kind, rest)) => {
            kind.eq_ignore_ascii_case(usual) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        }
        None => false,
    }
}

/// The answer in the place of a page: without body, as gRPC has it for failures ("Trailers-Only"). The other fields stay.
///
/// The message is the reason phrase of the page's status, in which there is no character that gRPC would want to be percent-encoded.
pub(super) fn instead_of(page: Response<Body>) -> Response<Body> {
    let (mut parts, _) = page.into_parts();
    let message = parts.status.canonical_reason().and_then(|reason| HeaderValue::from_str(reason).ok());
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    parts.headers.insert(GRPC_STATUS, HeaderValue::from_static(status(parts.status)));
    if let Some(message) = message {
        parts.headers.insert(GRPC_MESSAGE, message);
    }
    parts.status = StatusCode::OK;
    Response::from_parts(parts, Body::empty())
}

/// What gRPC makes of a status of HTTP: doc/http-grpc-status-mapping.md of the grpc repository, and of the two that it lumps together with
/// the unknown those that say the same. So a 504 is UNAVAILABLE, which clients may try again; DEADLINE_EXCEEDED would be about the deadline
/// of the call, and that is the client's.
fn status(http: StatusCode) -> &'static str {
    match http.as_u16() {
        400 => "13",                   // INTERNAL
        401 => "16",                   // UNAUTHENTICATED
        403 => "7",                    // PERMISSION_DENIED
        404 => "12",                   // UNIMPLEMENTED
        408 => "4",                    // DEADLINE_EXCEEDED
        413 => "8",                    // RESOURCE_EXHAUSTED
        429 | 502 | 503 | 504 => "14", // UNAVAILABLE
        _ => "2",                      // UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;
    use crate::error::page;

    #[test]
    fn a_call_is_told_by_its_type() {
        let call = |version, kind: &str| {
            is_call(&Request::post("/").version(version).header(CONTENT_TYPE, kind).body(()).unwrap())
        };
        for kind in
            ["application/grpc", "Application/GRPC+proto", "application/grpc+json", "application/grpc;x=y"]
        {
            assert!(call(Version::HTTP_2, kind), "{kind}");
            assert!(!call(Version::HTTP_11, kind), "{kind}");
        }
        for kind in ["application/grpc-web", "application/grpc-web+proto", "text/html", "application/grp", ""]
        {
            assert!(!call(Version::HTTP_2, kind), "{kind}");
        }
        assert!(!is_call(&Request::post("/").version(Version::HTTP_2).body(()).unwrap()));
        let connect = Request::connect("/").version(Version::HTTP_2).header(CONTENT_TYPE, "application/grpc");
        assert!(!is_call(&connect.body(()).unwrap()));
    }

    #[test]
    fn a_page_becomes_a_status() {
        for (http, grpc, message) in [
            (400, "13", "Bad Request"),
            (403, "7", "Forbidden"),
            (404, "12", "Not Found"),
            (413, "8", "Payload Too Large"),
            (421, "2", "Misdirected Request"),
            (503, "14", "Service Unavailable"),
            (504, "14", "Gateway Timeout"),
        ] {
            let answer = instead_of(page(StatusCode::from_u16(http).unwrap()));
            let field = |name: &str| answer.headers()[name].to_str().unwrap();
            assert_eq!((answer.status(), field("content-type")), (StatusCode::OK, "application/grpc"));
            assert_eq!((field("grpc-status"), field("grpc-message")), (grpc, message), "{http}");
            assert!(answer.body().is_end_stream());
        }
    }

    #[test]
    fn no_reason_wants_to_be_encoded() {
        for reason in (100..1000).filter_map(|code| StatusCode::from_u16(code).ok()?.canonical_reason()) {
            assert!(reason.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'%'), "{reason}");
        }
    }
}
