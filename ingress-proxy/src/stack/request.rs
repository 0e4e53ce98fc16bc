//! The one request type that the stack works on: checked once, whatever protocol it came in by.
//!
//! A value of [`ClientRequest`] means: one host, one path with one reading, a method that may be forwarded, and no field that HTTP/2 could
//! carry into HTTP/1. Nothing below has to ask again.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Uri, Version};
use hyper::ext::Protocol;
use ingress_core::{canonical_host, normalize};

use super::client::Claims;
use super::record::Record;
use super::reply::Reply;
use crate::body::Body;
use crate::connection::Connection;
use crate::error::Kind;

/// A request that has been checked.
#[derive(Debug)]
pub(crate) struct ClientRequest {
    /// The request as it came, but for header names that are dropped.
    pub(crate) request: Box<Request<Body>>,
    /// Who sent it, if that is known.
    pub(crate) connection: Option<Connection>,
    /// The client's address, as far as proxies before us are believed; set by the router.
    pub(crate) client: Option<IpAddr>,
    /// What a proxy before us says that was asked for, if it is believed; set by the router.
    pub(crate) claims: Option<Box<Claims>>,
    /// What is asked of the clients of its host was asked of this one, and it may come in; set by the router.
    pub(crate) identified: bool,
    /// What its answer needs.
    pub(crate) reply: Reply,
    /// What the observer is to get.
    pub(crate) record: Option<Box<Record>>,
    /// `None` for HTTP/1.0 without one.
    authority: Option<HeaderValue>,
}

/// The host and path of a request in the form in which routes are looked up.
#[derive(Debug)]
pub(crate) struct Target<'r> {
    /// Empty for HTTP/1.0 without a host.
    pub(crate) host: std::borrow::Cow<'r, str>,
    pub(crate) path: std::borrow::Cow<'r, str>,
}

impl ClientRequest {
    /// Checks a request.
    ///
    /// # Errors
    /// The kind of refusal.
    pub(crate) fn check(
        mut request: Box<Request<Body>>,
        connection: Option<Connection>,
    ) -> Result<Self, Kind> {
        method(&request)?;
        fields(request.version(), request.headers())?;
        let authority = authority(&request)?;
        drop_unusual_names(request.headers_mut());
        if request.method() == Method::CONNECT {
            // What is left of it is the tunnel that it asks for, and `upgrade` sees to that.
            *request.method_mut() = Method::GET;
        }
        Ok(Self {
            request,
            connection,
            client: None,
            claims: None,
            identified: false,
            reply: Reply::default(),
            record: None,
            authority,
        })
    }

    /// True if a WebSocket is asked for by CONNECT (RFC 8441).
    pub(crate) fn is_extended_connect(&self) -> bool {
        self.request.version() >= Version::HTTP_2 && self.request.extensions().get::<Protocol>().is_some()
    }

    /// The scheme by which the client has come, to us or to the proxies before us.
    pub(crate) fn scheme(&self) -> &'static str {
        let claimed = self.claims.as_ref().and_then(|claims| claims.scheme);
        claimed.unwrap_or(match self.connection.as_ref().is_some_and(Connection::is_secure) {
            true => "https",
            false => "http",
        })
    }

    /// The host that the client wants, with its port, as it or a proxy before us has put it; `None` for HTTP/1.0 without one.
    pub(crate) fn wanted_host(&self) -> Option<&HeaderValue> {
        self.claims.as_ref().and_then(|claims| claims.host.as_ref()).or(self.authority.as_ref())
    }

    /// The authority, if one was sent.
    pub(crate) fn sent_authority(&self) -> Option<&HeaderValue> {
        self.authority.as_ref()
    }

    fn authority_text(&self) -> &str {
        self.authority.as_ref().and_then(|authority| authority.to_str().ok()).unwrap_or_default()
    }

    /// What routes are looked up by.
    ///
    /// # Errors
    /// [`Kind::BadRequest`] if the host is no host or the path has no normal form.
    pub(crate) fn target(&self) -> Result<Target<'_>, Kind> {
        let host = match self.authority_text() {
            "" => "".into(),
            authority => canonical_host(authority).ok_or(Kind::BadRequest)?,
        };
        let path = match self.request.uri().path() {
            "" => "/".into(),
            path => normalize(path).map_err(|_| Kind::BadRequest)?,
        };
        Ok(Target { host, path })
    }
}

/// TRACE would show a client what we add; CONNECT is for forward proxies. nginx refuses both. But over HTTP/2 CONNECT is also what a
/// WebSocket begins with (RFC 8441).
fn method(request: &Request<Body>) -> Result<(), Kind> {
    match *request.method() {
        Method::TRACE => Err(Kind::Method),
        Method::CONNECT if request.version() >= Version::HTTP_2 => {
            match request.extensions().get::<Protocol>().map(Protocol::as_str) {
                Some(protocol) if protocol.eq_ignore_ascii_case("websocket") => Ok(()),
                Some(_) => Err(Kind::Protocol),
                None => Err(Kind::BadRequest),
            }
        }
        Method::CONNECT => Err(Kind::BadRequest),
        _ => Ok(()),
    }
}

/// What HTTP/2 forbids (RFC 9113, section 8.2), and what only ambiguous requests have. HTTP/1 has been looked at before.
fn fields(version: Version, headers: &HeaderMap) -> Result<(), Kind> {
    if version >= Version::HTTP_2 {
        let only_trailers = headers.get_all(TE).iter().all(|te| te == "trailers");
        let connection_specific = [CONNECTION, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION];
        if !only_trailers
            || connection_specific.iter().any(|name| headers.contains_key(name))
            || headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some()
            || headers.values().any(has_outer_blank)
        {
            return Err(Kind::BadRequest);
        }
    }
    Ok(())
}

/// HTTP/1 takes blanks around a value for none of it: sent on, it would be another value.
fn has_outer_blank(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.trim_ascii().len() < bytes.len()
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The host that the request is for: of an absolute target, else of its one `Host` line (RFC 9112, section 3.2).
fn authority(request: &Request<Body>) -> Result<Option<HeaderValue>, Kind> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Err(Kind::BadRequest);
    }
    let host = host.filter(|host| !host.is_empty());
    let text = host.map(HeaderValue::to_str).transpose().map_err(|_| Kind::BadRequest)?;
    match (of_uri(request.uri())?, text) {
        // HTTP/2 has the authority in the target, and a Host beside it must say the same (RFC 9113, section 8.3.1).
        (Some(target), Some(host))
            if request.version() >= Version::HTTP_2 && !target.eq_ignore_ascii_case(host) =>
        {
            Err(Kind::BadRequest)
        }
        (Some(""), _) => Err(Kind::BadRequest),
        (Some(target), _) => HeaderValue::from_str(target).map(Some).map_err(|_| Kind::BadRequest),
        (None, Some(_)) => Ok(host.cloned()),
        (None, None) if request.version() <= Version::HTTP_10 => Ok(None),
        (None, None) => Err(Kind::BadRequest),
    }
}

/// The authority in the target; only `http` and `https` targets, and paths, are for us.
fn of_uri(uri: &Uri) -> Result<Option<&str>, Kind> {
    match (uri.scheme_str(), uri.authority()) {
        (None, None) if uri.path().starts_with('/') => Ok(None),
        (Some("http" | "https"), Some(authority)) => Ok(Some(authority.as_str())),
        _ => Err(Kind::BadRequest),
    }
}

/// Drops fields whose name has other characters than letters, digits and hyphens: many servers read `_` as `-`, so such a name could
/// stand for one that is set or removed here (ingress-nginx: `enable-underscores-in-headers`, `ignore-invalid-headers`).
fn drop_unusual_names(headers: &mut HeaderMap) {
    let usual = |name: &HeaderName| name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if headers.keys().all(usual) {
        return;
    }
    let unusual: Vec<_> = headers.keys().filter(|name| !usual(name)).cloned().collect();
    unusual.iter().for_each(|name| drop(headers.remove(name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: http::request::Builder) -> Result<ClientRequest, Kind> {
        ClientRequest::check(Box::new(request.body(Body::empty()).unwrap()), None)
    }

    fn authority_of(request: http::request::Builder) -> Result<String, Kind> {
        check(request).map(|request| request.authority_text().to_owned())
    }

    #[test]
    fn there_is_one_host() {
        let get = |uri| Request::get(uri);
        assert_eq!(authority_of(get("/").header(HOST, "a:80")), Ok("a:80".into()));
        assert_eq!(authority_of(get("http://b/x").header(HOST, "a")), Ok("b".into()));
        assert_eq!(authority_of(get("/")), Err(Kind::BadRequest));
        assert_eq!(authority_of(get("/").header(HOST, "")), Err(Kind::BadRequest));
        assert_eq!(authority_of(get("/").header(HOST, "a").header(HOST, "a")), Err(Kind::BadRequest));
        assert_eq!(authority_of(get("/").version(Version::HTTP_10)), Ok(String::new()));
        assert_eq!(authority_of(get("ftp://b/x").header(HOST, "a")), Err(Kind::BadRequest));
        assert_eq!(authority_of(get("*").header(HOST, "a")), Err(Kind::BadRequest));
        let http2 = get("http://b/").version(Version::HTTP_2);
        assert_eq!(authority_of(http2), Ok("b".into()));
        assert_eq!(
            authority_of(get("http://b/").version(Version::HTTP_2).header(HOST, "a")),
            Err(Kind::BadRequest)
        );
    }

    #[test]
    fn http2_carries_no_connection_fields() {
        let http2 = || Request::get("http://a/").version(Version::HTTP_2);
        assert!(check(http2().header(TE, "trailers")).is_ok());
        for (name, value) in [
            ("connection", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "x"),
            ("te", "gzip"),
            ("keep-alive", "1"),
            ("x-y", " 1"),
            ("x-y", "1\t"),
        ] {
            assert_eq!(check(http2().header(name, value)).unwrap_err(), Kind::BadRequest, "{name}");
        }
        let twice = http2().header(CONTENT_LENGTH, "1").header(CONTENT_LENGTH, "1");
        assert_eq!(check(twice).unwrap_err(), Kind::BadRequest);
        assert!(check(http2().header(CONTENT_LENGTH, "1").header("x-y", "a b").header("x-z", "")).is_ok());
    }

    #[test]
    fn names_that_could_pass_for_others_are_dropped() {
        let request = Request::get("/")
            .header(HOST, "a")
            .header("x_forwarded_for", "1")
            .header("x.y", "2")
            .header("ok-1", "3");
        let request = check(request).unwrap().request;
        let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["host", "ok-1"]);
    }

    #[test]
    fn methods_that_are_not_forwarded() {
        let with = |method| check(Request::builder().method(method).uri("/").header(HOST, "a")).err();
        assert_eq!(with("TRACE"), Some(Kind::Method));
        assert_eq!(with("CONNECT"), Some(Kind::BadRequest));
        assert_eq!(with("PROPFIND"), None);
    }

    #[test]
    fn connect_is_for_a_websocket_over_http2() {
        let connect = |version, protocol: Option<&'static str>| {
            let mut request = Request::connect("https://a/chat").version(version);
            if let Some(protocol) = protocol {
                request = request.extension(Protocol::from_static(protocol));
            }
            check(request).map(|request| (request.request.method().clone(), request.is_extended_connect()))
        };
        assert_eq!(connect(Version::HTTP_2, Some("websocket")), Ok((Method::GET, true)));
        assert_eq!(connect(Version::HTTP_2, Some("connect-udp")), Err(Kind::Protocol));
        assert_eq!(connect(Version::HTTP_2, None), Err(Kind::BadRequest));
        assert_eq!(connect(Version::HTTP_11, Some("websocket")), Err(Kind::BadRequest));
    }

    #[test]
    fn a_target_is_normal_or_refused() {
        let target = |uri| {
            check(Request::get(uri).header(HOST, "A.b.:80"))
                .map(|request| request.target().map(|target| format!("{} {}", target.host, target.path)))
        };
        assert_eq!(target("//x/%2e/y?q"), Ok(Ok("a.b /x/y".into())));
        assert_eq!(target("/../x"), Ok(Err(Kind::BadRequest)));
    }
}
