//! What becomes of a request that came without TLS.

/// Whether a route is served over plain HTTP.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Https {
    /// Where plain requests are sent; `None` serves them.
    pub redirect: Option<HttpsRedirect>,
    /// The path is one that is served over plain HTTP whatever holds for its host (`no-tls-redirect-locations`): the answer to an ACME
    /// challenge must be had before there is a certificate.
    pub exempt: bool,
}

impl Https {
    /// With this redirect, or none.
    #[must_use]
    pub fn new(redirect: Option<HttpsRedirect>, exempt: bool) -> Self {
        Self { redirect, exempt }
    }
}

/// A redirect to `https://`, host, and the target as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpsRedirect {
    /// The status (`http-redirect-code`, 308).
    pub status: http::StatusCode,
    /// Keep a `/` at the end of the target, which ingress-nginx cuts (`preserve-trailing-slash`, false).
    pub preserve_trailing_slash: bool,
    /// The port to name (`use-port-in-redirects`, none).
    pub port: Option<u16>,
}

impl Default for HttpsRedirect {
    fn default() -> Self {
        Self { status: http::StatusCode::PERMANENT_REDIRECT, preserve_trailing_slash: false, port: None }
    }
}

/// When plain requests are redirected, and how: what the [`Https`] of a route is made from. The defaults are those of ingress-nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpsRules {
    /// If the host has a certificate (`ssl-redirect`, true).
    pub with_certificate: bool,
    /// Always (`force-ssl-redirect`, false).
    pub always: bool,
    /// Name our port of HTTPS in the target (`use-port-in-redirects`, false).
    pub name_port: bool,
    /// The redirect, but for its port.
    pub redirect: HttpsRedirect,
}

impl Default for HttpsRules {
    fn default() -> Self {
        Self { with_certificate: true, always: false, name_port: false, redirect: HttpsRedirect::default() }
    }
}
