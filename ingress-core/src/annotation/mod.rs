//! The annotations of ingress-nginx: which there are, and what becomes of them.
//!
//! [`TABLE`] is the one list: the compile reads it, and documentation can be made from it. The files beside this one read values, one file
//! for each policy of the same name.
//!
//! Security comes first. An annotation that keeps somebody out and is not enforced denies the routes of its Ingress; one that only changes
//! an answer is reported and ignored.

mod nearest;
mod retry;
mod snippet;
mod timeouts;

pub use nearest::nearest;
pub use retry::retry;
pub use snippet::unknown_directive;
pub use timeouts::timeouts;

use std::collections::BTreeMap;

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
    /// What becomes of it.
    pub effect: Effect,
    /// Values that ask for what is done without the annotation too, so that nothing needs to be said.
    pub neutral: &'static [&'static str],
    /// What it is for, in a few words.
    pub doc: &'static str,
}

/// What becomes of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It does what it does in ingress-nginx.
    Served,
    /// It keeps somebody out and is not enforced yet: the routes of its Ingress are denied.
    Guard(Protection),
    /// `backend-protocol`: the routes are denied unless it is HTTP.
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
    /// Client certificates.
    ClientCertificate,
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

/// True for the spellings of true that ingress-nginx knows.
#[must_use]
pub fn is_true(value: &str) -> bool {
    TRUE.contains(&value)
}

const fn row(name: &'static str, effect: Effect, doc: &'static str) -> Annotation {
    Annotation { name, effect, neutral: &[], doc }
}

const fn later(name: &'static str, neutral: &'static [&'static str], doc: &'static str) -> Annotation {
    Annotation { name, effect: Effect::Later, neutral, doc }
}

const fn part(name: &'static str, of: &'static str, doc: &'static str) -> Annotation {
    row(name, Effect::PartOf(of), doc)
}

const fn guard(
    name: &'static str,
    protection: Protection,
    off: &'static [&'static str],
    doc: &'static str,
) -> Annotation {
    Annotation { name, effect: Effect::Guard(protection), neutral: off, doc }
}

/// All annotations of ingress-nginx, ordered by name.
pub static TABLE: &[Annotation] = &[
    later("affinity", &[], "cookie: requests of one client go to one endpoint"),
    part("affinity-canary-behavior", "affinity", "whether canaries keep the client too"),
    part("affinity-mode", "affinity", "how much a change of endpoints moves clients"),
    guard("allowlist-source-range", Protection::SourceRange, &[], "only these client addresses get through"),
    later("app-root", &[], "redirects / to a path"),
    guard("auth-always-set-cookie", Protection::ExternalAuth, &[], "cookies of the answer on every status"),
    guard("auth-cache-duration", Protection::ExternalAuth, &[], "how long answers are kept"),
    guard("auth-cache-key", Protection::ExternalAuth, &[], "key under which answers are kept"),
    part("auth-keepalive", "auth-url", "idle connections to the service"),
    part("auth-keepalive-requests", "auth-url", "requests on one of them"),
    part("auth-keepalive-share-vars", "auth-url", "nginx variables of the question"),
    part("auth-keepalive-timeout", "auth-url", "how long they stay"),
    guard("auth-method", Protection::ExternalAuth, &[], "method of that question"),
    guard("auth-proxy-set-headers", Protection::ExternalAuth, &[], "headers of the question"),
    guard("auth-realm", Protection::BasicAuth, &[], "the realm in the challenge"),
    guard("auth-request-redirect", Protection::ExternalAuth, &[], "value of X-Auth-Request-Redirect"),
    guard(
        "auth-response-headers",
        Protection::ExternalAuth,
        &[],
        "headers of the answer that go to the endpoint",
    ),
    guard("auth-secret", Protection::BasicAuth, &[], "the secret with the users"),
    guard("auth-secret-type", Protection::BasicAuth, &[], "the form of that secret"),
    guard("auth-signin", Protection::ExternalAuth, &[], "where clients without login are sent"),
    guard(
        "auth-signin-redirect-param",
        Protection::ExternalAuth,
        &[],
        "parameter with the address to come back to",
    ),
    guard("auth-snippet", Protection::ExternalAuth, &[], "nginx directives for the question"),
    guard(
        "auth-tls-error-page",
        Protection::ClientCertificate,
        &[],
        "where clients without certificate are sent",
    ),
    guard("auth-tls-match-cn", Protection::ClientCertificate, &[], "which certificates get through"),
    guard(
        "auth-tls-pass-certificate-to-upstream",
        Protection::ClientCertificate,
        FALSE,
        "the certificate as a header",
    ),
    guard("auth-tls-secret", Protection::ClientCertificate, &[], "the authority of client certificates"),
    guard(
        "auth-tls-verify-client",
        Protection::ClientCertificate,
        &["off"],
        "whether a certificate is asked for",
    ),
    guard("auth-tls-verify-depth", Protection::ClientCertificate, &[], "how long a chain may be"),
    guard("auth-type", Protection::BasicAuth, &[], "asks for a password"),
    guard("auth-url", Protection::ExternalAuth, &[], "asks another service whether a request may pass"),
    Annotation {
        name: "backend-protocol",
        effect: Effect::Protocol,
        neutral: &[],
        doc: "protocol towards the endpoints",
    },
    row("canary", Effect::Canary, "the rules are an alternative for those of another Ingress"),
    part("canary-by-cookie", "canary", "cookie that decides"),
    part("canary-by-header", "canary", "header that decides"),
    part("canary-by-header-pattern", "canary", "values of the header"),
    part("canary-by-header-value", "canary", "value of the header"),
    part("canary-weight", "canary", "share of the requests"),
    part("canary-weight-total", "canary", "what the share is of"),
    row("client-body-buffer-size", Effect::Needless, "bodies are streamed, not collected"),
    row("configuration-snippet", Effect::Snippet, "nginx directives for the location"),
    later("connection-proxy-header", &["keep-alive"], "the Connection header towards the endpoints"),
    part("cors-allow-credentials", "enable-cors", "Access-Control-Allow-Credentials"),
    part("cors-allow-headers", "enable-cors", "Access-Control-Allow-Headers"),
    part("cors-allow-methods", "enable-cors", "Access-Control-Allow-Methods"),
    part("cors-allow-origin", "enable-cors", "Access-Control-Allow-Origin"),
    part("cors-expose-headers", "enable-cors", "Access-Control-Expose-Headers"),
    part("cors-max-age", "enable-cors", "Access-Control-Max-Age"),
    later("custom-headers", &[], "headers of answers, from a ConfigMap"),
    later("custom-http-errors", &[], "statuses whose pages the default backend makes"),
    later("default-backend", &[], "service that answers while the backend has no endpoints"),
    guard("denylist-source-range", Protection::SourceRange, &[], "these client addresses do not get through"),
    part(
        "disable-proxy-intercept-errors",
        "custom-http-errors",
        "whether endpoints keep their own error pages",
    ),
    later("enable-access-log", TRUE, "whether requests are logged"),
    later("enable-cors", FALSE, "answers to requests of other origins"),
    later("enable-global-auth", TRUE_OR_FALSE, "whether the global auth-url holds here too"),
    guard("enable-modsecurity", Protection::Firewall, FALSE, "ModSecurity"),
    later("enable-opentelemetry", FALSE, "traces"),
    guard("enable-owasp-core-rules", Protection::Firewall, FALSE, "rules for ModSecurity"),
    row("enable-rewrite-log", Effect::Needless, "there is no nginx that rewrites"),
    part("fastcgi-index", "backend-protocol", "FastCGI index file"),
    part("fastcgi-params-configmap", "backend-protocol", "FastCGI parameters"),
    later("force-ssl-redirect", FALSE, "redirects to https, certificate or not"),
    later("from-to-www-redirect", FALSE, "redirects between the host with and without www."),
    row("http2-push-preload", Effect::Needless, "no browser takes pushed answers any more"),
    part("limit-allowlist", "limit-rps", "client addresses without limits"),
    part("limit-burst-multiplier", "limit-rps", "how far a limit may be passed for a moment"),
    guard("limit-connections", Protection::Limit, &["0"], "simultaneous requests from one client"),
    later("limit-rate", &["0"], "bytes a second of one answer"),
    part("limit-rate-after", "limit-rate", "where that begins"),
    guard("limit-rpm", Protection::Limit, &["0"], "requests a minute from one client"),
    guard("limit-rps", Protection::Limit, &["0"], "requests a second from one client"),
    part("limit-whitelist", "limit-rps", "old name of limit-allowlist"),
    later("load-balance", &["round_robin"], "which endpoint is picked"),
    part("mirror-host", "mirror-target", "the Host header of the copies"),
    part("mirror-request-body", "mirror-target", "whether the copies have a body"),
    later("mirror-target", &[], "where copies of requests go"),
    guard("modsecurity-snippet", Protection::Firewall, &[], "rules for ModSecurity"),
    part("modsecurity-transaction-id", "enable-modsecurity", "identifier of a request in its log"),
    part("opentelemetry-operation-name", "enable-opentelemetry", "name of the span"),
    part(
        "opentelemetry-trust-incoming-span",
        "enable-opentelemetry",
        "whether a client's trace is continued",
    ),
    later("permanent-redirect", &[], "redirects everything, 301"),
    part("permanent-redirect-code", "permanent-redirect", "another status"),
    part("preserve-trailing-slash", "ssl-redirect", "whether a redirect keeps a trailing slash"),
    later("proxy-body-size", &["0"], "how long a request body may be"),
    row("proxy-buffer-size", Effect::Needless, "the head of an answer has a fixed limit"),
    row("proxy-buffering", Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-buffers-number", Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-busy-buffers-size", Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-connect-timeout", Effect::Served, "seconds until the connection stands"),
    later("proxy-cookie-domain", &["off"], "rewrites the Domain of cookies"),
    later("proxy-cookie-path", &["off"], "rewrites the Path of cookies"),
    later("proxy-http-version", &["1.1"], "version of HTTP towards the endpoints"),
    row("proxy-max-temp-file-size", Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-next-upstream", Effect::Served, "when another endpoint is tried"),
    row("proxy-next-upstream-timeout", Effect::Served, "seconds for all tries"),
    row("proxy-next-upstream-tries", Effect::Served, "how many endpoints are tried"),
    row("proxy-read-timeout", Effect::Served, "seconds between two reads from the endpoint"),
    later("proxy-redirect-from", &["off"], "rewrites the Location of answers"),
    part("proxy-redirect-to", "proxy-redirect-from", "to what"),
    row("proxy-request-buffering", Effect::Needless, "bodies are streamed, not collected"),
    row("proxy-send-timeout", Effect::Served, "seconds between two writes to the endpoint"),
    part("proxy-ssl-ciphers", "proxy-ssl-secret", "ciphers"),
    part("proxy-ssl-name", "proxy-ssl-secret", "name in their certificates"),
    part("proxy-ssl-protocols", "proxy-ssl-secret", "versions of TLS"),
    later("proxy-ssl-secret", &[], "certificate and authority towards the endpoints"),
    part("proxy-ssl-server-name", "proxy-ssl-secret", "whether SNI is sent"),
    part("proxy-ssl-verify", "proxy-ssl-secret", "whether their certificates are checked"),
    part("proxy-ssl-verify-depth", "proxy-ssl-secret", "how long a chain may be"),
    part("relative-redirects", "ssl-redirect", "whether a redirect leaves the host out"),
    later("rewrite-target", &[], "the path that endpoints see"),
    guard("satisfy", Protection::SourceRange, &["all"], "whether one protection is enough or all must agree"),
    later("server-alias", &[], "more names of the host"),
    row("server-snippet", Effect::Snippet, "nginx directives for the host"),
    later("service-upstream", FALSE, "the address of the service in place of its endpoints"),
    part("session-cookie-change-on-failure", "affinity", "a new endpoint after a failure"),
    part("session-cookie-conditional-samesite-none", "affinity", "no SameSite=None for old browsers"),
    part("session-cookie-domain", "affinity", "Domain"),
    part("session-cookie-expires", "affinity", "Expires"),
    part("session-cookie-max-age", "affinity", "Max-Age"),
    part("session-cookie-name", "affinity", "name of the cookie"),
    part("session-cookie-path", "affinity", "Path"),
    part("session-cookie-samesite", "affinity", "SameSite"),
    part("session-cookie-secure", "affinity", "Secure"),
    later("ssl-ciphers", &[], "ciphers of the host"),
    later("ssl-passthrough", FALSE, "TLS goes to the endpoint as it is"),
    part("ssl-prefer-server-ciphers", "ssl-ciphers", "whose order of ciphers counts"),
    later("ssl-redirect", TRUE_OR_FALSE, "redirects to https where there is a certificate"),
    row("stream-snippet", Effect::Snippet, "nginx directives for TCP and UDP"),
    later("temporal-redirect", &[], "redirects everything, 302"),
    part("temporal-redirect-code", "temporal-redirect", "another status"),
    later("upstream-hash-by", &[], "what decides the endpoint"),
    part("upstream-hash-by-subset", "upstream-hash-by", "sets of endpoints"),
    part("upstream-hash-by-subset-size", "upstream-hash-by", "how many are in a set"),
    later("upstream-vhost", &[], "the Host header that endpoints see"),
    part("use-port-in-redirects", "ssl-redirect", "whether a redirect names the port"),
    later("use-regex", FALSE, "paths are regular expressions"),
    guard("whitelist-source-range", Protection::SourceRange, &[], "old name of allowlist-source-range"),
    part("x-forwarded-prefix", "rewrite-target", "the X-Forwarded-Prefix header"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_whole() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        // 136 annotations, two of which have an old name besides.
        assert_eq!(TABLE.len(), 138);
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
