//! How long heads are on the wire, as far as that can be told from their parts. (`tests/observe/sizes.rs` holds it against the wire.)

use http::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use http::{Request, Response, Version};
use http_body::Body as _;

use crate::body::Body;

/// The length of a request's head as HTTP/1 writes it, without its fields.
pub(super) fn of_line(request: &Request<Body>) -> u64 {
    let (uri, target) = (request.uri(), request.uri().path_and_query().map_or(0, |path| path.as_str().len()));
    let authority = match (request.version() < Version::HTTP_2, uri.scheme_str(), uri.authority()) {
        (true, Some(scheme), Some(authority)) => scheme.len() + "://".len() + authority.as_str().len(),
        _ => 0,
    };
    let line = request.method().as_str().len() + authority + target + "  HTTP/1.1\r\n".len();
    (line + "\r\n".len()) as u64
}

/// The length of an answer's head as the server writes it, with the fields that it adds.
pub(super) fn of_answer(response: &Response<Body>) -> u64 {
    let (mut fields, mut date, mut length) = (0, false, false);
    for (name, value) in response.headers() {
        fields += of_field(name, value);
        date |= *name == DATE;
        length |= *name == CONTENT_LENGTH;
    }
    let date = if date { 0 } else { "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n".len() };
    let framing = match response.body().size_hint().exact() {
        _ if length || response.status().is_informational() => 0,
        Some(length) => "content-length: \r\n".len() + length.checked_ilog10().unwrap_or(0) as usize + 1,
        None => "transfer-encoding: chunked\r\n".len(),
    };
    let reason = response.status().canonical_reason().map_or(0, str::len);
    let line = "HTTP/1.1 200 \r\n".len() + reason;
    fields + (line + date + framing + "\r\n".len()) as u64
}

/// The length of a field's line.
pub(super) fn of_field(name: &HeaderName, value: &HeaderValue) -> u64 {
    (name.as_str().len() + value.len() + ": \r\n".len()) as u64
}
