//! What can go wrong with a request, and the status that says so.

use std::error::Error as _;
use std::fmt;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::body::{Body, BoxError};

/// Why a request was not answered by an endpoint.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Option<BoxError>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The request is malformed or ambiguous.
    BadRequest,
    /// The method is one that is never forwarded.
    Method,
    /// The client wants to speak a protocol that is not tunnelled (RFC 8441).
    Protocol,
    /// The client's handshake was for another host, which asks other things of its clients (RFC 9110, section 15.5.20).
    Misdirected,
    /// The host wants a client certificate, and there is none.
    NoCertificate,
    /// The client's certificate is not a good one.
    BadCertificate,
    /// The client's certificate is a good one of somebody who may not come in.
    Subject,
    /// What is asked of the host's clients could not be made out: nobody comes in.
    Guard,
    /// The client stopped sending its body.
    ClientTimeout,
    /// The client's body broke off or is malformed.
    ClientBody,
    /// The client's body is larger than the route allows.
    BodyTooLarge,
    /// No rule and no default backend.
    NoRoute,
    /// The route is known, but must not be served.
    Denied,
    /// The upstream has no endpoint.
    NoEndpoint,
    /// No connection to an endpoint.
    Connect,
    /// No connection to an endpoint in time.
    ConnectTimeout,
    /// The endpoint took no bytes in time.
    SendTimeout,
    /// No bytes from the endpoint in time.
    ReadTimeout,
    /// The connection broke before an answer.
    Broken,
    /// The answer is malformed or ambiguous.
    BadResponse,
}

/// Who is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client.
    Client,
    /// The upstream side.
    Upstream,
    /// The configuration.
    Internal,
}

impl Kind {
    /// The status of the answer. The only table of its kind; the values are those of nginx.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::ClientBody | Self::NoCertificate | Self::BadCertificate => {
                StatusCode::BAD_REQUEST
            }
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Protocol => StatusCode::NOT_IMPLEMENTED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Subject | Self::Guard => StatusCode::FORBIDDEN,
            Self::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Denied | Self::NoEndpoint => StatusCode::SERVICE_UNAVAILABLE,
            Self::Connect | Self::Broken | Self::BadResponse => StatusCode::BAD_GATEWAY,
            Self::ConnectTimeout | Self::SendTimeout | Self::ReadTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Who is at fault.
    pub fn side(self) -> Side {
        match self {
            Self::BadRequest | Self::Method | Self::ClientTimeout | Self::ClientBody | Self::BodyTooLarge => {
                Side::Client
            }
            Self::Protocol
            | Self::Misdirected
            | Self::NoCertificate
            | Self::BadCertificate
            | Self::Subject => Side::Client,
            Self::Guard | Self::NoRoute | Self::Denied | Self::NoEndpoint => Side::Internal,
            _ => Side::Upstream,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "the request is malformed",
            Self::Method => "the method is not allowed",
            Self::Protocol => "the protocol is not tunnelled",
            Self::Misdirected => "the handshake was for another host",
            Self::NoCertificate => "the client has shown no certificate",
            Self::BadCertificate => "the client's certificate is not a good one",
            Self::Subject => "the client's certificate is of somebody who may not come in",
            Self::Guard => "what is asked of the host's clients is not known",
            Self::ClientTimeout => "the client stopped sending its body",
            Self::ClientBody => "the client's body broke off",
            Self::BodyTooLarge => "the client's body is larger than the route allows",
            Self::NoRoute => "no rule matches",
            Self::Denied => "the route is not served",
            Self::NoEndpoint => "the upstream has no endpoint",
            Self::Connect => "the endpoint could not be connected to",
            Self::ConnectTimeout => "the endpoint did not accept the connection in time",
            Self::SendTimeout => "the endpoint took no bytes in time",
            Self::ReadTimeout => "the endpoint sent no bytes in time",
            Self::Broken => "the endpoint closed the connection before an answer",
            Self::BadResponse => "the endpoint's answer is malformed",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) fn with(kind: Kind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The page for a status, as nginx lays it out.
pub(crate) fn page(status: StatusCode) -> Response<Body> {
    with_text(status, layout(format_args!("{status}"), status, ""))
}

/// The page for a kind of failure: that of its status, but for those about client certificates, of which nginx says more.
pub(crate) fn page_of(kind: Kind) -> Response<Body> {
    let status = kind.status();
    let why = match kind {
        Kind::NoCertificate => "No required SSL certificate was sent",
        Kind::BadCertificate => "The SSL certificate error",
        Kind::Subject => return with_text(status, "client certificate unauthorized".to_owned()),
        _ => return page(status),
    };
    let title = format_args!("{} {why}", status.as_str());
    with_text(status, layout(title, status, &format!("<center>{why}</center>\r\n")))
}

fn layout(title: fmt::Arguments<'_>, status: StatusCode, more: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
         {more}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    )
}

fn with_text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::page(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[test]
    fn the_404_page_is_as_long_as_that_of_nginx() {
        assert_eq!(page(StatusCode::NOT_FOUND).body().size_hint().exact(), Some(146));
    }

    #[test]
    fn an_error_tells_its_whole_chain() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let text = Error::with(Kind::Connect, refused).to_string();
        assert_eq!(text, "the endpoint could not be connected to: connection refused");
    }
}
