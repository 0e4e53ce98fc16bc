//! Keys about the way to HTTPS and the protocols of clients.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use super::Global;
use super::reader::Reader;
use crate::annotation::Invalid;
use crate::settings::Settings;
use crate::value::{list, number, time};

/// So many requests at once on a connection are allowed at most: each may take memory for its head and a window of its body.
const MOST_STREAMS: u32 = 1024;

/// Redirects to HTTPS, and TLS towards endpoints.
pub(super) fn routes(reader: &mut Reader<'_>, global: &mut Global) {
    let rules = &mut global.https;
    reader.boolean("ssl-redirect", &mut rules.with_certificate);
    reader.boolean("force-ssl-redirect", &mut rules.always);
    reader.boolean("use-port-in-redirects", &mut rules.name_port);
    reader.boolean("preserve-trailing-slash", &mut rules.redirect.preserve_trailing_slash);
    let status = |text: &str| match text {
        "301" => Some(StatusCode::MOVED_PERMANENTLY),
        "302" => Some(StatusCode::FOUND),
        "307" => Some(StatusCode::TEMPORARY_REDIRECT),
        "308" => Some(StatusCode::PERMANENT_REDIRECT),
        _ => None,
    };
    reader.value("http-redirect-code", "301, 302, 307 or 308", status, &mut rules.redirect.status);
    // Here an empty value says something: every path is redirected.
    if let Some(text) = reader.written("no-tls-redirect-locations") {
        global.plain_paths = list(text).map(str::to_owned).collect();
    }
    reader.boolean("proxy-ssl-location-only", &mut global.proxy_ssl_location_only);
}

/// What clients speak.
pub(super) fn connections(reader: &mut Reader<'_>, settings: &mut Settings) {
    settings.hsts = hsts(reader);
    reader.boolean("use-http2", &mut settings.http2);
    reader.boolean("use-http3", &mut settings.http3);
    let field = &mut settings.http2_max_concurrent_streams;
    let streams = |text: &str| number(text).filter(|&number| number > 0);
    reader.value("http2-max-concurrent-streams", "a whole number from 1 to 1024", streams, field);
    if *field > MOST_STREAMS {
        let expected = "a whole number from 1 to 1024";
        let invalid = Invalid::new("http2-max-concurrent-streams", expected, &field.to_string());
        *field = MOST_STREAMS;
        reader.invalid(Invalid { instead: "1024 holds", ..invalid });
    }
    reader.boolean("use-proxy-protocol", &mut settings.use_proxy_protocol);
    let some_time = |text: &str| time(text).filter(|time| *time > Duration::ZERO);
    let field = &mut settings.proxy_protocol_header_timeout;
    reader.value("proxy-protocol-header-timeout", "a time such as \"5s\" or \"500ms\"", some_time, field);
}

/// The value of `Strict-Transport-Security`.
fn hsts(reader: &mut Reader<'_>) -> Option<HeaderValue> {
    let (mut on, mut subdomains, mut preload) = (true, true, false);
    reader.boolean("hsts", &mut on);
    reader.boolean("hsts-include-subdomains", &mut subdomains);
    reader.boolean("hsts-preload", &mut preload);
    let mut age = 31_536_000_u64;
    let seconds = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    reader.value("hsts-max-age", "whole seconds without a unit, such as \"31536000\"", seconds, &mut age);
    let subdomains = if subdomains { "; includeSubDomains" } else { "" };
    let preload = if preload { "; preload" } else { "" };
    let value = format!("max-age={age}{subdomains}{preload}");
    HeaderValue::from_str(&value).ok().filter(|_| on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_map::{Defect, read};

    fn with(pairs: &[(&str, &str)]) -> (Global, Vec<Defect>) {
        read(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_holds_over_tls() {
        let hsts = |pairs| with(pairs).0.settings.hsts.clone();
        assert_eq!(hsts(&[]).unwrap(), "max-age=31536000; includeSubDomains");
        assert_eq!(
            hsts(&[("hsts-preload", "true"), ("hsts-max-age", "60")]).unwrap(),
            "max-age=60; includeSubDomains; preload"
        );
        let plain = hsts(&[("hsts-include-subdomains", "false"), ("hsts-max-age", "0")]);
        assert_eq!(plain.unwrap(), "max-age=0");
        assert_eq!(hsts(&[("hsts", "false"), ("hsts-preload", "true")]), None);
        let (global, defects) = with(&[("hsts-max-age", "1y; preload")]);
        assert_eq!((global, defects.len()), (Global::default(), 1));
    }

    #[test]
    fn simultaneous_requests_are_bounded() {
        for (text, streams, defects) in [("1", 1, 0), ("1024", 1024, 0), ("0", 128, 1), ("5000", 1024, 1)] {
            let (global, found) = with(&[("http2-max-concurrent-streams", text)]);
            let actual = global.settings.http2_max_concurrent_streams;
            assert_eq!((actual, found.len()), (streams, defects), "{text}");
        }
    }

    #[test]
    fn protocols_of_clients() {
        let (global, defects) = with(&[
            ("use-http2", "false"),
            ("use-http3", "true"),
            ("use-proxy-protocol", "true"),
            ("proxy-protocol-header-timeout", "1500ms"),
        ]);
        let settings = &global.settings;
        assert_eq!((settings.http2, settings.http3, settings.use_proxy_protocol), (false, true, true));
        assert_eq!(settings.proxy_protocol_header_timeout, Duration::from_millis(1500));
        assert_eq!(defects, []);
        let (global, defects) = with(&[("proxy-protocol-header-timeout", "0")]);
        assert_eq!((global, defects.len()), (Global::default(), 1));
    }

    #[test]
    fn redirects_to_https() {
        let (global, defects) = with(&[
            ("ssl-redirect", "false"),
            ("force-ssl-redirect", "true"),
            ("http-redirect-code", "301"),
            ("no-tls-redirect-locations", "/a, /b"),
            ("proxy-ssl-location-only", "true"),
        ]);
        assert_eq!((global.https.with_certificate, global.https.always), (false, true));
        assert_eq!(global.https.redirect.status, 301);
        assert_eq!(global.plain_paths, ["/a", "/b"]);
        assert!(global.proxy_ssl_location_only && defects.is_empty());
        assert!(with(&[("no-tls-redirect-locations", "")]).0.plain_paths.is_empty());
        assert_eq!(Global::default().plain_paths, ["/.well-known/acme-challenge"]);
        for code in ["303", "200", "308 "] {
            let (global, defects) = with(&[("http-redirect-code", code)]);
            assert_eq!(global.https.redirect.status, 308);
            assert_eq!(defects.len(), usize::from(code != "308 "), "{code}");
        }
    }
}
