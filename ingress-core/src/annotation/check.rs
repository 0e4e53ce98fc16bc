//! Values with which ingress-nginx does not take an Ingress at all. Here the admission webhook refuses them; in an Ingress that exists
//! already they are treated as its annotation is.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::value::{boolean, list, size};

/// What a value has to be.
#[derive(Clone, Copy)]
enum Check {
    Bool,
    Int,
    Size,
    Cidrs,
    Words(&'static [&'static str]),
    /// Contains one of these.
    Contains(&'static [&'static str]),
    /// Letters, digits and these characters.
    Letters(&'static str),
    Statuses,
    CommonName,
    ServiceName,
}

const BASIC: &str = "-._~/:";
const URL: &str = "-._~/:,?&=";
const URL_WITH_VARIABLES: &str = "-._~/:, ?&=$";
const PATTERN: &str = "-._~/:^$[](){}*+?|&=\\";

/// Ordered by name.
static CHECKS: &[(&str, Check)] = &[
    ("auth-realm", Check::Letters("-._~/: ")),
    ("auth-secret", Check::Letters(BASIC)),
    ("auth-secret-type", Check::Words(&["auth-file", "auth-map"])),
    ("auth-tls-error-page", Check::Letters("-._~/:,?&=@%")),
    ("auth-tls-match-cn", Check::CommonName),
    ("auth-tls-pass-certificate-to-upstream", Check::Bool),
    ("auth-tls-secret", Check::Letters(BASIC)),
    ("auth-type", Check::Contains(&["basic", "digest"])),
    ("auth-url", Check::Letters(URL_WITH_VARIABLES)),
    ("client-body-buffer-size", Check::Size),
    ("connection-proxy-header", Check::Words(&["close", "keep-alive"])),
    ("custom-http-errors", Check::Statuses),
    ("default-backend", Check::ServiceName),
    ("fastcgi-index", Check::Letters(".-_")),
    ("fastcgi-params-configmap", Check::Letters(BASIC)),
    ("from-to-www-redirect", Check::Bool),
    ("http2-push-preload", Check::Bool),
    ("limit-allowlist", Check::Cidrs),
    ("limit-connections", Check::Int),
    ("limit-rpm", Check::Int),
    ("limit-rps", Check::Int),
    ("limit-whitelist", Check::Cidrs),
    (
        "load-balance",
        Check::Words(&[
            "round_robin",
            "ewma",
            "chash",
            "chashsubset",
            "sticky_balanced",
            "sticky_persistent",
        ]),
    ),
    ("opentelemetry-operation-name", Check::Letters("_-")),
    ("permanent-redirect", Check::Letters(URL)),
    ("permanent-redirect-code", Check::Int),
    ("proxy-ssl-secret", Check::Letters(BASIC)),
    ("relative-redirects", Check::Bool),
    ("server-alias", Check::Letters("-._~/:^$[](){}*+?|&=\\, ")),
    ("ssl-ciphers", Check::Letters("-_:+!@=., ")),
    ("ssl-passthrough", Check::Bool),
    ("ssl-passthrough-proxy-protocol", Check::Bool),
    ("temporal-redirect", Check::Letters(URL)),
    ("temporal-redirect-code", Check::Int),
    ("upstream-hash-by", Check::Letters("-_{}$")),
    ("upstream-hash-by-subset", Check::Bool),
    ("upstream-hash-by-subset-size", Check::Int),
    ("upstream-vhost", Check::Letters(PATTERN)),
    ("x-forwarded-prefix", Check::Letters("-._~/:$")),
];

/// What a value should have been, if it is one for which ingress-nginx takes no Ingress; the name is given without
/// [`PREFIX`](super::PREFIX). An empty value is as if it were not there.
#[must_use]
pub fn refused(name: &str, value: &str) -> Option<&'static str> {
    let index = CHECKS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    let (_, check) = CHECKS.get(index)?;
    (!value.is_empty() && !check.allows(value)).then(|| check.expected())
}

impl Check {
    fn allows(self, value: &str) -> bool {
        match self {
            Self::Bool => boolean(value).is_some(),
            Self::Int => value.parse::<i64>().is_ok(),
            Self::Size => size(value).is_some(),
            Self::Cidrs => {
                list(value).all(|entry| entry.parse::<IpNet>().is_ok() || entry.parse::<IpAddr>().is_ok())
            }
            Self::Words(words) => words.contains(&value),
            Self::Contains(words) => words.iter().any(|word| value.contains(word)),
            Self::Letters(others) => {
                value.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
            }
            Self::Statuses => value
                .split(',')
                .all(|entry| entry.trim().parse::<u16>().is_ok_and(|status| (400..600).contains(&status))),
            Self::CommonName => value.starts_with("CN=") && !value.contains(['\r', '\n']),
            Self::ServiceName => {
                let mut bytes = value.bytes();
                let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                value.len() <= 63
                    && !value.ends_with('-')
                    && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
                    && bytes.all(rest)
            }
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Size => "bytes, with k, m or g behind the number if wanted",
            Self::Cidrs => "networks and addresses, divided by commas",
            Self::Words(["auth-file", ..]) => "auth-file or auth-map",
            Self::Words(["close", ..]) => "close or keep-alive",
            Self::Words(_) => "round_robin, ewma, chash, chashsubset, sticky_balanced or sticky_persistent",
            Self::Contains(_) => "basic or digest",
            Self::Letters(_) => "only letters, digits and the punctuation that belongs there",
            Self::Statuses => "statuses from 400 to 599, divided by commas",
            Self::CommonName => "\"CN=\" and a regular expression",
            Self::ServiceName => "the name of a service in the same namespace",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::find;

    #[test]
    fn the_checks_are_ordered_and_known() {
        assert!(CHECKS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(CHECKS.iter().all(|(name, _)| find(name).is_some()));
    }

    #[test]
    fn values_are_refused_as_in_ingress_nginx() {
        for (name, value) in [
            ("auth-type", "basic"),
            ("auth-url", "https://auth.example.com/check?a=$host"),
            ("custom-http-errors", "404, 503"),
            ("default-backend", "errors"),
            ("limit-rps", "-1"),
            ("limit-allowlist", "10.0.0.0/8, 192.0.2.1"),
            ("server-alias", "a.com, ~^b\\.com$"),
            ("permanent-redirect", "https://example.com/a?b=c"),
            ("proxy-read-timeout", "nonsense"),
            ("upstream-hash-by", "$request_uri"),
            ("auth-tls-error-page", "https://example.com/login?a=b"),
            ("auth-tls-error-page", "@login"),
            ("ssl-ciphers", "HIGH:!aNULL:@SECLEVEL=1"),
            ("ssl-passthrough", ""),
        ] {
            assert_eq!(refused(name, value), None, "{name}: {value}");
        }
        for (name, value) in [
            ("auth-type", "none"),
            ("auth-url", "https://a\n"),
            ("auth-tls-error-page", "/a;b"),
            ("auth-tls-match-cn", "x"),
            ("ssl-ciphers", "HIGH; ssl_verify_client off"),
            ("client-body-buffer-size", "8kb"),
            ("custom-http-errors", "302"),
            ("default-backend", "Errors"),
            ("limit-rps", "five"),
            ("limit-allowlist", "here"),
            ("load-balance", "random"),
            ("permanent-redirect", "https://example.com/;"),
            ("from-to-www-redirect", "yes"),
            ("x-forwarded-prefix", "/a b"),
        ] {
            assert!(refused(name, value).is_some(), "{name}: {value}");
        }
    }
}
