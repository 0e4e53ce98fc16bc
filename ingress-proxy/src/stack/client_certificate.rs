//! The gate of hosts that ask their clients for a certificate.
//!
//! What counts is the host that the *request* names, not the one of the handshake: else a client would get round the policy of a host by a
//! handshake for another one. It says nothing of who vouches for whom: that the handshake has made out.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method, Response, StatusCode, Uri, Version};
use ingress_core::Snapshot;
use ingress_core::tls::{ClientAuth, Guard, VerifyClient};

use super::check::refusal;
use super::request::ClientRequest;
use crate::body::Body;
use crate::connection::{Connection, Outcome};
use crate::error::{Kind, page};

const VERIFY: HeaderName = HeaderName::from_static("ssl-client-verify");
const SUBJECT: HeaderName = HeaderName::from_static("ssl-client-subject-dn");
const ISSUER: HeaderName = HeaderName::from_static("ssl-client-issuer-dn");
const CERTIFICATE: HeaderName = HeaderName::from_static("ssl-client-cert");

/// What the gate says of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its host asks nothing of clients.
    Free,
    /// The client may come in.
    Open,
    /// It may not.
    Closed(Refusal),
}

/// Why a client may not come in, and what it gets.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: Kind,
    /// A URL or path in place of our page.
    error_page: Option<Arc<str>>,
    /// The request came without TLS, and with it the client might do better.
    plain: bool,
}

/// Judges a request for `host`, which is in its canonical form.
pub(super) fn judge(snapshot: &Snapshot, host: &str, connection: Option<&Connection>) -> Verdict {
    let server = snapshot.tls.server(&snapshot.routes, host);
    let policy = match server.and_then(|server| server.client_auth.as_ref()) {
        None => return Verdict::Free,
        Some(Guard::Ready(policy)) => policy,
        Some(Guard::Denied(_)) => {
            return Verdict::Closed(Refusal { kind: Kind::Guard, error_page: None, plain: false });
        }
    };
    let tls = connection.and_then(Connection::tls);
    let judged = match tls {
        None => of_client(policy, &Outcome::None, ""),
        // A handshake that named nobody, or a host with another policy, has shown nothing that counts here.
        Some(tls) => match tls.client.as_deref().filter(|client| client.asked == *policy) {
            Some(client) => of_client(policy, &client.outcome, &client.subject),
            None => Err(Kind::Misdirected),
        },
    };
    match judged {
        Ok(()) => Verdict::Open,
        Err(kind) => {
            let has_page = matches!(kind, Kind::NoCertificate | Kind::BadCertificate);
            let error_page = policy.error_page.clone().filter(|_| has_page);
            Verdict::Closed(Refusal { kind, error_page, plain: tls.is_none() })
        }
    }
}

fn of_client(policy: &ClientAuth, outcome: &Outcome, subject: &str) -> Result<(), Kind> {
    let certificate = of_certificate(policy.verify, outcome);
    // As in nginx, an error page of the host itself is served only to those whose subject fits.
    let is_served = policy.error_page.as_deref().is_some_and(is_path);
    if certificate.is_err() && !is_served {
        return certificate;
    }
    match &policy.match_subject {
        Some(pattern) if !pattern.0.is_match(subject) => Err(Kind::Subject),
        _ => certificate,
    }
}

fn of_certificate(verify: VerifyClient, outcome: &Outcome) -> Result<(), Kind> {
    match (verify, outcome) {
        (_, Outcome::Success) => Ok(()),
        (VerifyClient::On, Outcome::None) => Err(Kind::NoCertificate),
        (VerifyClient::Optional | VerifyClient::OptionalNoCa, Outcome::None) => Ok(()),
        (VerifyClient::OptionalNoCa, Outcome::Failed { unknown: true, .. }) => Ok(()),
        (_, Outcome::Failed { .. }) => Err(Kind::BadCertificate),
    }
}

fn is_path(error_page: &str) -> bool {
    error_page.starts_with('/')
}

impl Refusal {
    /// True if a request is let through to a route all the same, which either sends it on to HTTPS, where it comes here again, or is the
    /// one that a certificate authority asks.
    ///
    /// Any other request without TLS is refused where a certificate is wanted. (ingress-nginx serves it to everybody; but whoever wants
    /// certificates does not want that, so security goes first.)
    pub(super) fn gives_way(&self, to_https: bool, exempt: bool) -> bool {
        self.plain && (to_https || exempt)
    }

    /// The path of this host that is served in place of our page.
    pub(super) fn path(&self) -> Option<Uri> {
        self.error_page.as_deref().filter(|page| is_path(page))?.parse().ok()
    }

    /// Our page, or the redirect to that of the host.
    pub(super) fn answer(&self, version: Version) -> Response<Body> {
        let url = self.error_page.as_deref().filter(|page| !is_path(page));
        match url.map(HeaderValue::from_str) {
            Some(Ok(url)) => {
                let mut response = page(StatusCode::FOUND);
                response.headers_mut().insert(LOCATION, url);
                response
            }
            _ => refusal(self.kind, version),
        }
    }
}

/// Makes of a request one for the error page at `path`: without a body, by GET or HEAD, as nginx does.
pub(super) fn send_to(path: Uri, client: &mut ClientRequest) {
    let request = &mut client.request;
    *request.uri_mut() = path;
    *request.body_mut() = Body::empty();
    if request.method() != Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let headers = request.headers_mut();
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// Tells an endpoint whom the handshake has shown. What is no header value is left out.
pub(super) fn tell(headers: &mut HeaderMap, connection: &Connection) {
    let Some(client) = connection.tls().and_then(|tls| tls.client.as_deref()) else { return };
    let mut set = |name: HeaderName, text: &str| {
        if let Some(value) = HeaderValue::from_str(text).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    };
    set(VERIFY, &client.outcome.to_string());
    set(SUBJECT, &client.subject);
    set(ISSUER, &client.issuer);
    if client.asked.pass_certificate {
        set(CERTIFICATE, &client.escaped_pem);
    }
}
