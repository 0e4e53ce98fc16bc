//! The header fields that are removed, added and replaced on the way to an endpoint and back.
//!
//! The request side is that of ingress-nginx: the client's word about itself is replaced by what is known of its connection, and by what
//! a trusted proxy before us says of it.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Version};
use ingress_core::Settings;
use smallvec::SmallVec;

use super::client_certificate;
use super::request::ClientRequest;
use super::request_id::RequestIds;
use crate::connection::Connection;
use crate::error::Kind;

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-scheme");
const X_ORIGINAL_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-original-forwarded-for");
const X_ORIGINAL_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-original-forwarded-host");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");

/// So many fields every request gets beside `Host`, which it has.
const ADDED: usize = 8;

/// Makes the fields of a request those that an endpoint gets.
pub(super) fn towards_endpoint(client: &mut ClientRequest, settings: &Settings, ids: &RequestIds) {
    let forwarded = &settings.forwarded;
    // ingress-nginx's name for "no host".
    let authority = client.wanted_host().cloned().unwrap_or(HeaderValue::from_static("_"));
    let scheme = HeaderValue::from_static(client.scheme());
    let claims = client.claims.take();
    let uri = client.request.uri().path_and_query().filter(|_| forwarded.add_original_uri);
    let original_uri = uri.and_then(|uri| HeaderValue::from_bytes(uri.as_str().as_bytes()).ok());
    let version = client.request.version();
    let headers = client.request.headers_mut();

    let passes = |name: &str| claims.is_some() && is_of_proxies(name);
    let seen = Seen::by(headers, |name| is_not_for_endpoints(name) && !passes(name));
    let original_for = told(headers, &forwarded.header, &X_FORWARDED_FOR, &seen);
    let original_host = told(headers, &forwarded.host_header, &X_FORWARDED_HOST, &seen);
    let id_sent = seen.id;
    seen.remove_from(headers);
    if version >= Version::HTTP_2
        && let Some(cookies) = joined(headers, &COOKIE, b"; ")
    {
        headers.insert(COOKIE, cookies);
    }

    // At once, as to grow is to hash all names again. If there is no room for so many, the insertions will say it.
    let _ = headers.try_reserve(ADDED);
    headers.insert(HOST, authority.clone());
    headers.insert(X_FORWARDED_HOST, authority);
    if let Some(connection) = &client.connection {
        let full = claims.is_some() && forwarded.compute_full_forwarded_for;
        name_client(headers, connection, client.client, original_for.as_ref().filter(|_| full));
        let port = claims.and_then(|claims| claims.port).unwrap_or_else(|| connection.port_value());
        headers.insert(X_FORWARDED_PORT, port);
        if client.identified {
            client_certificate::tell(headers, connection);
        }
    }
    headers.insert(X_FORWARDED_PROTO, scheme.clone());
    headers.insert(X_FORWARDED_SCHEME, scheme.clone());
    headers.insert(X_SCHEME, scheme);
    for (name, original) in [
        (X_ORIGINAL_FORWARDED_FOR, original_for),
        (X_ORIGINAL_FORWARDED_HOST, original_host),
        (X_ORIGINAL_URI, original_uri),
    ] {
        if let Some(value) = original {
            headers.insert(name, value);
        }
    }
    set_request_id(headers, id_sent, Some(ids).filter(|_| settings.generate_request_id));
}

/// What the client sent in a field that proxies set. The usual name is looked up only if such a name was seen.
fn told(headers: &HeaderMap, name: &HeaderName, usual: &HeaderName, seen: &Seen) -> Option<HeaderValue> {
    let value = if seen.forwarded || name != usual { joined(headers, name, b", ") } else { None };
    value.filter(|value| !value.is_empty())
}

/// Names the client; `before` is what the proxies before us have told, if our peer is to be added to it.
fn name_client(
    headers: &mut HeaderMap,
    connection: &Connection,
    address: Option<IpAddr>,
    before: Option<&HeaderValue>,
) {
    let client = match address.filter(|address| *address != connection.client().ip()) {
        // The text of an address is always a header value.
        Some(address) => HeaderValue::from_str(&address.to_string()).ok(),
        None => None,
    };
    let client = client.unwrap_or_else(|| connection.client_value());
    headers.insert(X_REAL_IP, client.clone());
    let all = before.map(|before| [before.as_bytes(), b", ", connection.client_value().as_bytes()].concat());
    let all = all.and_then(|all| HeaderValue::from_bytes(&all).ok());
    headers.insert(X_FORWARDED_FOR, all.unwrap_or(client));
}

/// The client's id, or a fresh one. The map is asked for the client's only if there is one.
fn set_request_id(headers: &mut HeaderMap, sent: bool, fresh: Option<&RequestIds>) {
    if sent && headers.get(&X_REQUEST_ID).is_some_and(|id| !id.is_empty()) {
        return;
    }
    match fresh.and_then(RequestIds::next) {
        Some(id) => drop(headers.insert(X_REQUEST_ID, id)),
        None => drop(headers.remove(X_REQUEST_ID)),
    }
}

/// Makes the fields of an endpoint's answer those that a client gets.
///
/// # Errors
/// [`Kind::BadResponse`] if its framing can be read in more than one way.
pub(super) fn towards_client(headers: &mut HeaderMap, settings: &Settings) -> Result<(), Kind> {
    let seen = Seen::by(headers, |name| is_not_for_clients(name, settings));
    let sound = match seen.codings {
        0 => seen.lengths <= 1,
        1 => seen.lengths == 0 && headers.get(TRANSFER_ENCODING).is_some_and(is_chunked),
        _ => false,
    };
    seen.remove_from(headers);
    if sound { Ok(()) } else { Err(Kind::BadResponse) }
}

fn is_chunked(coding: &HeaderValue) -> bool {
    coding.as_bytes().eq_ignore_ascii_case(b"chunked")
}

/// What one look at all fields of a message finds. (Asking the map for each name would cost more than all the rest.)
#[derive(Debug, Default)]
struct Seen {
    unwanted: SmallVec<[HeaderName; 8]>,
    connection: bool,
    forwarded: bool,
    id: bool,
    codings: usize,
    lengths: usize,
}

impl Seen {
    fn by(headers: &HeaderMap, is_unwanted: impl Fn(&str) -> bool) -> Self {
        let mut seen = Self::default();
        for name in headers.iter().map(|(name, _)| name) {
            let text = name.as_str();
            seen.connection |= *name == CONNECTION;
            seen.codings += usize::from(*name == TRANSFER_ENCODING);
            seen.lengths += usize::from(*name == CONTENT_LENGTH);
            seen.id |= *name == X_REQUEST_ID;
            if is_unwanted(text) {
                seen.forwarded |= text.starts_with("x-forwarded-");
                seen.unwanted.push(name.clone());
            }
        }
        seen
    }

    fn remove_from(self, headers: &mut HeaderMap) {
        if self.connection {
            remove_named_in_connection(headers);
        }
        self.unwanted.iter().for_each(|name| drop(headers.remove(name)));
    }
}

/// Fields that concern one connection only, and those with which an endpoint is told who the client is: only we may send them.
fn is_not_for_endpoints(name: &str) -> bool {
    match name {
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding"
        | "upgrade" => true,
        "expect" | "http2-settings" | "proxy" | "forwarded" | "x-real-ip" | "x-scheme" => true,
        _ => {
            name.starts_with("x-forwarded-")
                || name.starts_with("x-original-")
                || name.starts_with("ssl-client-")
        }
    }
}

/// What a proxy in front of us may tell endpoints beside what we make out ourselves, such as who has logged in there.
fn is_of_proxies(name: &str) -> bool {
    let told = name.strip_prefix("x-forwarded-");
    told.is_some_and(|told| !matches!(told, "for" | "host" | "port" | "proto" | "scheme"))
}

/// Fields that concern one connection only, those by which an endpoint talks to its proxy, and those that the settings hide. Of `Date` a
/// client sees ours, which the server writes. How long an answer is, is said all the same.
fn is_not_for_clients(name: &str, settings: &Settings) -> bool {
    match name {
        "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade" => true,
        "date" => true,
        "server" => !settings.allow_backend_server_header,
        "content-length" => false,
        _ => name.starts_with("x-accel-") || settings.hide_headers.iter().any(|hidden| hidden == name),
    }
}

/// Removes the fields that `Connection` names (RFC 9110, section 7.6.1), but never those that say where a message goes or ends.
fn remove_named_in_connection(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION);
    let usual = |line: &HeaderValue| {
        [&b"keep-alive"[..], b"close", b"upgrade"]
            .iter()
            .any(|usual| line.as_bytes().eq_ignore_ascii_case(usual))
    };
    if lines.iter().all(usual) {
        return;
    }
    let named: Vec<_> = lines
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != UPGRADE)
        .collect();
    named.iter().for_each(|name| drop(headers.remove(name)));
}

/// All lines of a field as one; `None` if there are none.
fn joined(headers: &HeaderMap, name: &HeaderName, separator: &[u8]) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let Some(second) = lines.next() else { return Some(first.clone()) };
    let mut all = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        all.extend_from_slice(separator);
        all.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_bytes(&all).ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::body::Body;

    fn sent(request: http::request::Builder) -> HeaderMap {
        let connection = Connection::new(([192, 0, 2, 7], 5000).into(), 8080);
        let request = request.header(HOST, "Shop.test:8080").body(Body::empty()).unwrap();
        let mut client = ClientRequest::check(Box::new(request), Some(connection)).unwrap();
        towards_endpoint(&mut client, &Settings::default(), &RequestIds::default());
        (*client.request).into_parts().0.headers
    }

    fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} is there twice");
        Some(first)
    }

    #[test]
    fn an_endpoint_is_told_what_we_know_of_the_client() {
        let headers =
            sent(Request::get("/").header("x-forwarded-for", "1.1.1.1").header("x-forwarded-for", "2.2.2.2"));
        for (name, expected) in [
            ("host", "Shop.test:8080"),
            ("x-forwarded-host", "Shop.test:8080"),
            ("x-real-ip", "192.0.2.7"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-port", "8080"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-scheme", "http"),
            ("x-scheme", "http"),
            ("x-original-forwarded-for", "1.1.1.1, 2.2.2.2"),
        ] {
            assert_eq!(value(&headers, name), Some(expected), "{name}");
        }
        let id = value(&headers, "x-request-id").unwrap();
        assert!(
            id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
            "{id}"
        );
        assert_eq!(headers.len(), 10);
    }

    #[test]
    fn a_request_id_is_passed_on() {
        assert_eq!(
            value(&sent(Request::get("/").header("x-request-id", "mine")), "x-request-id"),
            Some("mine")
        );
    }

    #[test]
    fn what_a_client_may_not_say_is_removed() {
        for name in [
            "forwarded",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "x-original-uri",
            "x-original-method",
            "ssl-client-verify",
            "ssl-client-subject-dn",
            "proxy",
            "expect",
            "te",
            "keep-alive",
            "proxy-connection",
            "http2-settings",
            "trailer",
        ] {
            assert_eq!(value(&sent(Request::get("/").header(name, "100-continue")), name), None, "{name}");
        }
    }

    #[test]
    fn connection_cannot_name_what_matters() {
        let headers = sent(
            Request::get("/")
                .header("connection", "x-real-ip, Host, content-length, X-Secret, x-request-id")
                .header("content-length", "0")
                .header("x-secret", "s"),
        );
        assert_eq!(value(&headers, "host"), Some("Shop.test:8080"));
        assert_eq!(value(&headers, "x-real-ip"), Some("192.0.2.7"));
        assert_eq!(value(&headers, "content-length"), Some("0"));
        assert_eq!(value(&headers, "x-secret"), None);
        assert_eq!(value(&headers, "connection"), None);
    }

    #[test]
    fn an_answer_has_one_end() {
        let check = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            towards_client(&mut headers, &Settings::default()).is_ok()
        };
        let (chunked, length) = (("transfer-encoding", "Chunked"), ("content-length", "3"));
        assert!(check(&[]) && check(&[chunked]) && check(&[length]));
        assert!(!check(&[chunked, length]) && !check(&[chunked, chunked]) && !check(&[length, length]));
        assert!(
            !check(&[("transfer-encoding", "gzip, chunked")]) && !check(&[("transfer-encoding", "identity")])
        );
    }

    #[test]
    fn an_answer_loses_what_was_meant_for_us() {
        let mut headers = HeaderMap::new();
        for name in [
            "connection",
            "keep-alive",
            "server",
            "date",
            "x-accel-redirect",
            "x-accel-buffering",
            "x-hop",
            "etag",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x-hop"));
        }
        towards_client(&mut headers, &Settings::default()).unwrap();
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }
}
