//! A request as bytes.
//!
//! What `http`'s types hold is safe to write: neither a method nor a target nor a field can contain a line break.

use std::io::Write as _;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Uri};
use http_body::Body as _;

use super::framing::length_of;
use crate::body::Body;

/// How a body goes out, and how much of it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// So many bytes, and then its end.
    Length(u64),
    /// In chunks.
    Chunked,
    /// All of it is on its way.
    Done,
}

/// The body is not as long as the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not as long as its content-length says")]
pub(in crate::upstream) struct WrongLength;

impl Sending {
    /// How the body of a request goes out: as its `Content-Length` says, else with the length it has, else in chunks.
    fn of(request: &Request<Body>) -> Result<Self, WrongLength> {
        let body = request.body();
        let known = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
        let said = length_of(request.headers()).map_err(|_| WrongLength)?;
        match (said, known) {
            (Some(said), Some(known)) if said != known => Err(WrongLength),
            _ if body.is_end_stream() => Ok(Self::Done),
            (Some(length), _) | (None, Some(length)) => Ok(Self::Length(length)),
            (None, None) => Ok(Self::Chunked),
        }
    }

    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }
}

/// Writes the head of a request; returns how its body follows. The target goes without its host, which is in `Host`; `Transfer-Encoding` is
/// said only here.
///
/// # Errors
/// [`WrongLength`] if the body cannot have the length that the head says, or that is not one length. Nothing may be sent then.
pub(super) fn head(request: &Request<Body>, out: &mut Vec<u8>) -> Result<Sending, WrongLength> {
    let sending = Sending::of(request)?;
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    target(request.uri(), out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    fields(request.headers(), out);
    match sending {
        Sending::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
        Sending::Length(length) if !request.headers().contains_key(CONTENT_LENGTH) => {
            // Writing to a vector does not fail.
            let _ = write!(out, "content-length: {length}\r\n\r\n");
        }
        _ => out.extend_from_slice(b"\r\n"),
    }
    Ok(sending)
}

fn target(uri: &Uri, out: &mut Vec<u8>) {
    let target = uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes();
    if !matches!(target.first(), Some(b'/' | b'*')) {
        out.push(b'/');
    }
    out.extend_from_slice(target);
}

fn fields(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        if *name == TRANSFER_ENCODING {
            continue;
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes what stands before a chunk of so many bytes; there must be some, for none would be the end.
pub(super) fn chunk(length: usize, out: &mut Vec<u8>) {
    let _ = write!(out, "{length:x}\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(request: http::request::Builder, body: Body) -> Result<(String, Sending), WrongLength> {
        let mut out = Vec::new();
        let sending = head(&request.body(body).unwrap(), &mut out)?;
        Ok((String::from_utf8(out).unwrap(), sending))
    }

    fn unknown() -> Body {
        let frames =
            futures_util::stream::pending::<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>();
        Body::new(http_body_util::StreamBody::new(frames))
    }

    #[test]
    fn a_target_is_written_without_its_host() {
        for (uri, line) in [
            ("/", "GET / HTTP/1.1\r\n\r\n"),
            ("/a/b?c=d", "GET /a/b?c=d HTTP/1.1\r\n\r\n"),
            ("http://a.test", "GET / HTTP/1.1\r\n\r\n"),
            ("http://a.test?q", "GET /?q HTTP/1.1\r\n\r\n"),
            ("https://a.test/x", "GET /x HTTP/1.1\r\n\r\n"),
            ("a.test:80", "GET / HTTP/1.1\r\n\r\n"),
            ("*", "GET * HTTP/1.1\r\n\r\n"),
        ] {
            let encoded = encoded(Request::get(uri), Body::empty());
            assert_eq!(encoded, Ok((line.to_owned(), Sending::Done)), "{uri}");
        }
    }

    #[test]
    fn a_body_has_one_end() {
        let post = || Request::post("/");
        let fields = |encoded: Result<(String, Sending), WrongLength>| {
            encoded.map(|(text, sending)| (text.replacen("POST / HTTP/1.1\r\n", "", 1), sending))
        };
        let known = fields(encoded(post(), Body::full("abc")));
        assert_eq!(known, Ok(("content-length: 3\r\n\r\n".into(), Sending::Length(3))));
        let said = fields(encoded(post().header("content-length", "3"), unknown()));
        assert_eq!(said, known);
        let chunked = Ok(("transfer-encoding: chunked\r\n\r\n".into(), Sending::Chunked));
        assert_eq!(fields(encoded(post(), unknown())), chunked);
        assert_eq!(fields(encoded(post().header("transfer-encoding", "gzip, chunked"), unknown())), chunked);
        let none = fields(encoded(post().header("content-length", "0"), Body::empty()));
        assert_eq!(none, Ok(("content-length: 0\r\n\r\n".into(), Sending::Done)));
    }

    #[test]
    fn a_length_that_is_not_so_is_refused() {
        let said = |length: &str, body| encoded(Request::post("/").header("content-length", length), body);
        assert_eq!(said("5", Body::empty()), Err(WrongLength));
        assert_eq!(said("5", Body::full("four")), Err(WrongLength));
        for length in ["", "+5", "-1", "5, 5", "0x5", "18446744073709551616"] {
            assert_eq!(said(length, unknown()), Err(WrongLength), "{length}");
        }
        let twice = Request::post("/").header("content-length", "5").header("content-length", "5");
        assert_eq!(encoded(twice, unknown()), Err(WrongLength));
    }
}
