//! The annotations of ingress-nginx: which there are, and what becomes of them.
//!
//! [`TABLE`] is the one list: the compile reads it, and documentation can be made from it. The files beside this one read values, one file
//! for each policy of the same name.
//!
//! Security comes first. An annotation that keeps somebody out and is not enforced denies the routes of its Ingress; one that only changes
//! an answer is reported and ignored.

mod body;
mod check;
mod client_auth;
mod nearest;
mod redirect;
mod retry;
mod server_tls;
mod snippet;
mod timeouts;
mod transport;
mod upstream_tls;

pub(crate) use body::{EXPECTED as BODY_SIZE, max_size};
#[cfg(feature = "kubernetes")]
pub(crate) use client_auth::{MATCH_CN, SECRET as CLIENT_AUTH_SECRET};
pub(crate) use nearest::among;
pub(crate) use retry::{TIMEOUT as RETRY_TIMEOUT, TRIES, conditions};
pub(crate) use server_tls::cipher_list;
pub(crate) use timeouts::EXPECTED as SECONDS;

pub use body::request_body;
pub use check::refused;
pub use client_auth::{AskedClientAuth, Unmet, client_auth};
pub use nearest::nearest;
pub use redirect::https;
pub use retry::retry;
pub use server_tls::{ciphers, passthrough, prefer_server_ciphers};
pub use snippet::{guarding_word, unknown_directive};
pub use timeouts::timeouts;
pub use transport::{is_fast_cgi, protocol};
pub use upstream_tls::upstream_tls;

use std::collections::BTreeMap;

use self::Risk::{Critical, High, Low, Medium};
use crate::value::boolean;

/// What all names in [`TABLE`] begin with on an object.
pub const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// The annotations of one Ingress.
pub type Values = BTreeMap<String, String>;

/// One annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Annotation {
    /// Its name without [`PREFIX`].
    pub name: &'static str,
    /// What its author could do with it in ingress-nginx, beyond what it is for.
    pub risk: Risk,
    /// What becomes of it.
    pub effect: Effect,
    /// Values that ask for what is done without the annotation too, so that nothing needs to be said.
    pub neutral: &'static [&'static str],
    /// What it is for, in a few words.
    pub doc: &'static str,
}

/// The risk of an annotation, as ingress-nginx rates it: `annotations-risk-level` says which are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Risk {
    /// Values from a small set, such as numbers.
    Low,
    /// Texts that reach a header or a path.
    Medium,
    /// Texts that decide where requests go, or who gets through.
    High,
    /// Directives for nginx, which are never run here.
    Critical,
}

impl Risk {
    /// The word for it in `annotations-risk-level`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// What becomes of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It does what it does in ingress-nginx.
    Served,
    /// It keeps somebody out and is not enforced yet: the routes of its Ingress are denied.
    Guard(Protection),
    /// `backend-protocol`: the routes are denied if it is FastCGI.
    Protocol,
    /// `canary`: an Ingress with it makes no routes.
    Canary,
    /// nginx directives, which are never run. The routes are denied unless all of them are known to keep nobody out.
    Snippet,
    /// Not supported yet: reported and ignored.
    Later,
    /// Says more about another annotation, and goes its way.
    PartOf(&'static str),
    /// There is nothing to do for it here.
    Needless,
}

/// What a guard does. One finding is made for each, however many annotations say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protection {
    /// Passwords.
    BasicAuth,
    /// Another service that is asked.
    ExternalAuth,
    /// Client addresses.
    SourceRange,
    /// Limits of rate and of connections.
    Limit,
    /// A web application firewall.
    Firewall,
}

/// The annotation of a name, which is given without [`PREFIX`].
#[must_use]
pub fn find(name: &str) -> Option<&'static Annotation> {
    let index = TABLE.binary_search_by(|annotation| annotation.name.cmp(name)).ok()?;
    TABLE.get(index)
}

/// True for an annotation that ingress-nginx had once and ignored in the end; the name is given without [`PREFIX`].
#[must_use]
pub fn is_removed(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "secure-backends",
        "grpc-backend",
        "session-cookie-hash",
        "add-base-url",
        "base-url-scheme",
        "upstream-max-fails",
        "upstream-fail-timeout",
        "secure-verify-ca-secret",
        "http2-insecure-port",
        "limit-request-status",
    ];
    const FAMILIES: [&str; 5] =
        ["global-rate-limit", "enable-opentracing", "enable-influxdb", "influxdb-", "lua-resty-waf"];
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// The value of an annotation, which is named without [`PREFIX`].
pub(crate) fn value<'v>(values: &'v Values, name: &str) -> Option<&'v str> {
    // The keys are long and few Ingresses have any: looking through them is cheaper than building the key.
    values.iter().find(|(key, _)| key.strip_prefix(PREFIX) == Some(name)).map(|(_, value)| value.as_str())
}

/// A value that could not be read. Displays as a sentence without the name of the annotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {value:?}; {instead}")]
#[non_exhaustive]
pub struct Invalid {
    /// The annotation, without [`PREFIX`].
    pub name: &'static str,
    /// What is accepted.
    pub expected: &'static str,
    /// What is there, cut to 80 characters.
    pub value: String,
    /// What holds now.
    pub instead: &'static str,
}

impl Invalid {
    pub(crate) fn new(name: &'static str, expected: &'static str, value: &str) -> Self {
        Self { name, expected, value: value.chars().take(80).collect(), instead: "the default holds" }
    }
}

const FALSE: &[&str] = &["false", "False", "FALSE", "f", "F", "0"];
const TRUE: &[&str] = &["true", "True", "TRUE", "t", "T", "1"];
const TRUE_OR_FALSE: &[&str] =
    &["true", "True", "TRUE", "t", "T", "1", "false", "False", "FALSE", "f", "F", "0"];

/// Every address: what cert-manager writes on the Ingress that answers a challenge, so that lists of others do not keep its authority out.
const ANYBODY: &[&str] = &["0.0.0.0/0,::/0"];

/// True for the spellings of true that ingress-nginx knows.
#[must_use]
pub fn is_true(value: &str) -> bool {
    boolean(value) == Some(true)
}

const fn row(name: &'static str, risk: Risk, effect: Effect, doc: &'static str) -> Annotation {
    Annotation { name, risk, effect, neutral: &[], doc }
}

const fn later(
    name: &'static str,
    risk: Risk,
    neutral: &'static [&'static str],
    doc: &'static str,
) -> Annotation {
    Annotation { name, risk, effect: Effect::Later, neutral, doc }
}

const fn part(name: &'static str, risk: Risk, of: &'static str, doc: &'static str) -> Annotation {
    row(name, risk, Effect::PartOf(of), doc)
}

const fn guard(
    name: &'static str,
    risk: Risk,
    protection: Protection,
    off: &'static [&'static str],
    doc: &'static str,
) -> Annotation {
    Annotation { name, risk, effect: Effect::Guard(protection), neutral: off, doc }
}

/// All annotations of ingress-nginx, and the few of our own, ordered by name.
pub static TABLE: &[Annotation] = &[
    later("affinity", Low, &[], "cookie: requests of one client go to one endpoint"),
    part("affinity-canary-behavior", Low, "affinity", "whether canaries keep the client too"),
    part("affinity-mode", Medium, "affinity", "how much a change of endpoints moves clients"),
    guard(
        "allowlist-source-range",
        Medium,
        Protection::SourceRange,
        ANYBODY,
        "only these client addresses get through",
    ),
    later("app-root", Medium, &[], "redirects / to a path"),
    guard(
        "auth-always-set-cookie",
        Low,
        Protection::ExternalAuth,
        &[],
        "cookies of the answer on every status",
    ),
    guard("auth-cache-duration", Medium, Protection::ExternalAuth, &[], "how long answers are kept"),
    guard("auth-cache-key", Medium, Protection::ExternalAuth, &[], "key under which answers are kept"),
    part("auth-keepalive", Low, "auth-url", "idle connections to the service"),
    part("auth-keepalive-requests", Low, "auth-url", "requests on one of them"),
    part("auth-keepalive-share-vars", Low, "auth-url", "nginx variables of the question"),
    part("auth-keepalive-timeout", Low, "auth-url", "how long they stay"),
    guard("auth-method", Low, Protection::ExternalAuth, &[], "method of that question"),
    guard("auth-proxy-set-headers", Medium, Protection::ExternalAuth, &[], "headers of the question"),
    guard("auth-realm", Medium, Protection::BasicAuth, &[], "the realm in the challenge"),
    guard("auth-request-redirect", Medium, Protection::ExternalAuth, &[], "value of X-Auth-Request-Redirect"),
    guard(
        "auth-response-headers",
        Medium,
        Protection::ExternalAuth,
        &[],
        "headers of the answer that go to the endpoint",
    ),
    guard("auth-secret", Medium, Protection::BasicAuth, &[], "the secret with the users"),
    guard("auth-secret-type", Low, Protection::BasicAuth, &[], "the form of that secret"),
    guard("auth-signin", High, Protection::ExternalAuth, &[], "where clients without login are sent"),
    guard(
        "auth-signin-redirect-param",
        Medium,
        Protection::ExternalAuth,
        &[],
        "parameter with the address to come back to",
    ),
    guard("auth-snippet", Critical, Protection::ExternalAuth, &[], "nginx directives for the question"),
    row("auth-tls-error-page", High, Effect::Served, "where clients without certificate are sent"),
    row("auth-tls-match-cn", High, Effect::Served, "which certificates get through"),
    row(
        "auth-tls-pass-certificate-to-upstream",
        Low,
        Effect::Served,
        "the certificate as the header ssl-client-cert",
    ),
    row("auth-tls-secret", Medium, Effect::Served, "the authorities of client certificates"),
    row("auth-tls-verify-client", Medium, Effect::Served, "whether a certificate is asked for"),
    row("auth-tls-verify-depth", Low, Effect::Served, "how long a chain may be"),
    guard("auth-type", Low, Protection::BasicAuth, &[], "asks for a password"),
    guard("auth-url", High, Protection::ExternalAuth, &[], "asks another service whether a request may pass"),
    Annotation {
        name: "backend-protocol",
        risk: Low,
        effect: Effect::Protocol,
        neutral: &[],
        doc: "protocol towards the endpoints",
    },
    row("canary", Low, Effect::Canary, "the rules are an alternative for those of another Ingress"),
    part("canary-by-cookie", Medium, "canary", "cookie that decides"),
    part("canary-by-header", Medium, "canary", "header that decides"),
    part("canary-by-header-pattern", Medium, "canary", "values of the header"),
    part("canary-by-header-value", Medium, "canary", "value of the header"),
    part("canary-weight", Low, "canary", "share of the requests"),
    part("canary-weight-total", Low, "canary", "what the share is of"),
    row("client-body-buffer-size", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("configuration-snippet", Critical, Effect::Snippet, "nginx directives for the location"),
    later("connection-proxy-header", Low, &["keep-alive"], "the Connection header towards the endpoints"),
    part("cors-allow-credentials", Low, "enable-cors", "Access-Control-Allow-Credentials"),
    part("cors-allow-headers", Medium, "enable-cors", "Access-Control-Allow-Headers"),
    part("cors-allow-methods", Medium, "enable-cors", "Access-Control-Allow-Methods"),
    part("cors-allow-origin", Medium, "enable-cors", "Access-Control-Allow-Origin"),
    part("cors-expose-headers", Medium, "enable-cors", "Access-Control-Expose-Headers"),
    part("cors-max-age", Low, "enable-cors", "Access-Control-Max-Age"),
    later("custom-headers", Medium, &[], "headers of answers, from a ConfigMap"),
    later("custom-http-errors", Low, &[], "statuses whose pages the default backend makes"),
    later("default-backend", Low, &[], "service that answers while the backend has no endpoints"),
    guard(
        "denylist-source-range",
        Medium,
        Protection::SourceRange,
        &[],
        "these client addresses do not get through",
    ),
    part(
        "disable-proxy-intercept-errors",
        Low,
        "custom-http-errors",
        "whether endpoints keep their own error pages",
    ),
    later("enable-access-log", Low, TRUE, "whether requests are logged"),
    later("enable-cors", Low, FALSE, "answers to requests of other origins"),
    later("enable-global-auth", Low, TRUE_OR_FALSE, "whether the global auth-url holds here too"),
    guard("enable-modsecurity", Low, Protection::Firewall, FALSE, "ModSecurity"),
    later("enable-opentelemetry", Low, FALSE, "traces"),
    guard("enable-owasp-core-rules", Low, Protection::Firewall, FALSE, "rules for ModSecurity"),
    row("enable-rewrite-log", Low, Effect::Needless, "there is no nginx that rewrites"),
    part("fastcgi-index", Medium, "backend-protocol", "FastCGI index file"),
    part("fastcgi-params-configmap", Medium, "backend-protocol", "FastCGI parameters"),
    row("force-ssl-redirect", Medium, Effect::Served, "redirects to https, certificate or not"),
    later("from-to-www-redirect", Low, FALSE, "redirects between the host with and without www."),
    row("http2-push-preload", Low, Effect::Needless, "no browser takes pushed answers any more"),
    part("limit-allowlist", Low, "limit-rps", "client addresses without limits"),
    part("limit-burst-multiplier", Low, "limit-rps", "how far a limit may be passed for a moment"),
    guard("limit-connections", Low, Protection::Limit, &["0"], "simultaneous requests from one client"),
    later("limit-rate", Low, &["0"], "bytes a second of one answer"),
    part("limit-rate-after", Low, "limit-rate", "where that begins"),
    guard("limit-rpm", Low, Protection::Limit, &["0"], "requests a minute from one client"),
    guard("limit-rps", Low, Protection::Limit, &["0"], "requests a second from one client"),
    part("limit-whitelist", Low, "limit-rps", "old name of limit-allowlist"),
    later("load-balance", Low, &["round_robin"], "which endpoint is picked"),
    part("mirror-host", High, "mirror-target", "the Host header of the copies"),
    part("mirror-request-body", Low, "mirror-target", "whether the copies have a body"),
    later("mirror-target", High, &[], "where copies of requests go"),
    guard("modsecurity-snippet", Critical, Protection::Firewall, &[], "rules for ModSecurity"),
    part("modsecurity-transaction-id", High, "enable-modsecurity", "identifier of a request in its log"),
    part("opentelemetry-operation-name", Medium, "enable-opentelemetry", "name of the span"),
    part(
        "opentelemetry-trust-incoming-span",
        Low,
        "enable-opentelemetry",
        "whether a client's trace is continued",
    ),
    later("permanent-redirect", Medium, &[], "redirects everything, 301"),
    part("permanent-redirect-code", Low, "permanent-redirect", "another status"),
    row("preserve-trailing-slash", Medium, Effect::Served, "whether a redirect keeps a trailing slash"),
    row("proxy-body-size", Medium, Effect::Served, "how large a request body may be"),
    row("proxy-buffer-size", Low, Effect::Needless, "the head of an answer has a fixed limit"),
    row("proxy-buffering", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-buffers-number", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-busy-buffers-size", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-connect-timeout", Low, Effect::Served, "seconds until the connection stands"),
    later("proxy-cookie-domain", Medium, &["off"], "rewrites the Domain of cookies"),
    later("proxy-cookie-path", Medium, &["off"], "rewrites the Path of cookies"),
    later("proxy-http-version", Low, &["1.1"], "version of HTTP towards the endpoints"),
    row("proxy-max-temp-file-size", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-next-upstream", Medium, Effect::Served, "when another endpoint is tried"),
    row("proxy-next-upstream-timeout", Low, Effect::Served, "seconds for all tries"),
    row("proxy-next-upstream-tries", Low, Effect::Served, "how many endpoints are tried"),
    row("proxy-read-timeout", Low, Effect::Served, "seconds between two reads from the endpoint"),
    later("proxy-redirect-from", Medium, &["off"], "rewrites the Location of answers"),
    part("proxy-redirect-to", Medium, "proxy-redirect-from", "to what"),
    row("proxy-request-buffering", Low, Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-send-timeout", Low, Effect::Served, "seconds between two writes to the endpoint"),
    part("proxy-ssl-ciphers", Medium, "proxy-ssl-secret", "ciphers"),
    part("proxy-ssl-name", High, "proxy-ssl-secret", "name in their certificates"),
    part("proxy-ssl-protocols", Low, "proxy-ssl-secret", "versions of TLS"),
    row("proxy-ssl-secret", Medium, Effect::Served, "certificate and authority towards the endpoints"),
    part("proxy-ssl-server-name", Low, "proxy-ssl-secret", "whether SNI is sent"),
    part("proxy-ssl-verify", Low, "proxy-ssl-secret", "whether their certificates are checked"),
    part("proxy-ssl-verify-depth", Low, "proxy-ssl-secret", "how long a chain may be"),
    part("relative-redirects", Low, "permanent-redirect", "whether a redirect leaves the host out"),
    later("rewrite-target", Medium, &[], "the path that endpoints see"),
    guard(
        "satisfy",
        Low,
        Protection::SourceRange,
        &["all"],
        "whether one protection is enough or all must agree",
    ),
    later("server-alias", High, &[], "more names of the host"),
    row("server-snippet", Critical, Effect::Snippet, "nginx directives for the host"),
    later("service-upstream", Low, FALSE, "the address of the service in place of its endpoints"),
    part("session-cookie-change-on-failure", Low, "affinity", "a new endpoint after a failure"),
    part("session-cookie-conditional-samesite-none", Low, "affinity", "no SameSite=None for old browsers"),
    part("session-cookie-domain", Medium, "affinity", "Domain"),
    part("session-cookie-expires", Medium, "affinity", "Expires"),
    part("session-cookie-max-age", Medium, "affinity", "Max-Age"),
    part("session-cookie-name", Medium, "affinity", "name of the cookie"),
    part("session-cookie-path", Medium, "affinity", "Path"),
    part("session-cookie-samesite", Low, "affinity", "SameSite"),
    part("session-cookie-secure", Low, "affinity", "Secure"),
    row("ssl-ciphers", Low, Effect::Served, "ciphers of the host"),
    row("ssl-passthrough", Low, Effect::Served, "TLS goes to the endpoint as it is"),
    row(
        "ssl-passthrough-proxy-protocol",
        Low,
        Effect::Served,
        "whether the endpoint is told the client's address by a PROXY header; not in ingress-nginx",
    ),
    row("ssl-prefer-server-ciphers", Low, Effect::Served, "whose order of ciphers counts"),
    row("ssl-redirect", Low, Effect::Served, "redirects to https where there is a certificate"),
    row("stream-snippet", Critical, Effect::Snippet, "nginx directives for TCP and UDP"),
    later("temporal-redirect", Medium, &[], "redirects everything, 302"),
    part("temporal-redirect-code", Low, "temporal-redirect", "another status"),
    later("upstream-hash-by", High, &[], "what decides the endpoint"),
    part("upstream-hash-by-subset", Low, "upstream-hash-by", "sets of endpoints"),
    part("upstream-hash-by-subset-size", Low, "upstream-hash-by", "how many are in a set"),
    later("upstream-vhost", Low, &[], "the Host header that endpoints see"),
    row("use-port-in-redirects", Low, Effect::Served, "whether a redirect names the port"),
    later("use-regex", Low, FALSE, "paths are regular expressions"),
    guard(
        "whitelist-source-range",
        Medium,
        Protection::SourceRange,
        ANYBODY,
        "old name of allowlist-source-range",
    ),
    part("x-forwarded-prefix", Medium, "rewrite-target", "the X-Forwarded-Prefix header"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_whole() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        // 136 annotations, two of which have an old name besides, and one of our own.
        assert_eq!(TABLE.len(), 139);
        for annotation in TABLE {
            assert_eq!(find(annotation.name), Some(annotation));
            if let Effect::PartOf(other) = annotation.effect {
                assert!(find(other).is_some(), "{other}");
            }
        }
        assert_eq!(find("no-such"), None);
        assert!(is_removed("global-rate-limit-window") && !is_removed("rewrite-target"));
    }
}
