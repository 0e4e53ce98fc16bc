//! `proxy-ssl-*`, but for what is in the Secret of `proxy-ssl-secret`.

use rustls_pki_types::ServerName;

use super::{Invalid, Values, value};
use crate::tls::{CipherSuite, UpstreamTls, Version};
use crate::value::number;

/// Reads how endpoints are spoken to over TLS. Without certificate and authorities, which are in the Secret.
///
/// What cannot be read leaves the default, but for `proxy-ssl-verify`: there `on` holds, as somebody asked for something.
#[must_use]
pub fn upstream_tls(values: &Values) -> (UpstreamTls, Vec<Invalid>) {
    let mut tls = UpstreamTls::default();
    let mut invalid = Vec::new();
    if let Some(text) = written(values, "proxy-ssl-verify") {
        tls.verify = text != "off";
        if !matches!(text, "on" | "off") {
            let wrong = Invalid::new("proxy-ssl-verify", "on or off", text);
            invalid.push(Invalid { instead: "\"on\" holds", ..wrong });
        }
    }
    if let Some(text) = written(values, "proxy-ssl-verify-depth") {
        match number(text) {
            Some(depth) => tls.depth = depth.max(1),
            None => invalid.push(Invalid::new("proxy-ssl-verify-depth", "a whole number", text)),
        }
    }
    if let Some(text) = written(values, "proxy-ssl-name") {
        match ServerName::try_from(text) {
            Ok(_) => tls.name = Some(text.into()),
            Err(_) => invalid.push(Invalid::new("proxy-ssl-name", "a DNS name or an IP address", text)),
        }
    }
    match written(values, "proxy-ssl-server-name") {
        None | Some("off") => {}
        Some("on") => tls.server_name = true,
        Some(text) => invalid.push(Invalid::new("proxy-ssl-server-name", "on or off", text)),
    }
    if let Some(text) = written(values, "proxy-ssl-ciphers") {
        invalid.extend(ciphers(text, &mut tls.ciphers));
    }
    if let Some(text) = written(values, "proxy-ssl-protocols") {
        invalid.extend(versions(text, &mut tls.versions));
    }
    (tls, invalid)
}

/// The value of an annotation; an empty one is as if it were not there.
fn written<'v>(values: &'v Values, name: &str) -> Option<&'v str> {
    value(values, name).map(str::trim).filter(|text| !text.is_empty())
}

/// Those ciphers of a list of OpenSSL that are spoken. `DEFAULT` is no choice.
fn ciphers(text: &str, field: &mut Vec<CipherSuite>) -> Option<Invalid> {
    let mut all = true;
    for name in text.split([':', ',', ' ']).filter(|name| !matches!(*name, "" | "DEFAULT")) {
        match CipherSuite::parse(name) {
            Some(suite) if field.contains(&suite) => {}
            Some(suite) => field.push(suite),
            None => all = false,
        }
    }
    let instead = match field.as_slice() {
        [] => "all safe ciphers hold",
        _ => "the known ones hold",
    };
    let expected = "OpenSSL's names of ciphers of TLS 1.2 that are still safe, divided by \":\"";
    (!all).then(|| Invalid { instead, ..Invalid::new("proxy-ssl-ciphers", expected, text) })
}

fn versions(text: &str, field: &mut Vec<Version>) -> Option<Invalid> {
    let mut versions = Vec::new();
    let mut all = true;
    for name in text.split_ascii_whitespace() {
        match name {
            "TLSv1.2" => versions.push(Version::Tls12),
            "TLSv1.3" => versions.push(Version::Tls13),
            _ => all = false,
        }
    }
    versions.sort_unstable();
    versions.dedup();
    let instead = match versions.as_slice() {
        [] => "TLSv1.2 and TLSv1.3 hold",
        _ => "the known ones hold",
    };
    if !versions.is_empty() {
        *field = versions;
    }
    let expected = "TLSv1.2 and TLSv1.3, divided by blanks";
    (!all).then(|| Invalid { instead, ..Invalid::new("proxy-ssl-protocols", expected, text) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;

    fn read(name: &str, text: &str) -> (UpstreamTls, Vec<String>) {
        let values = [(format!("{PREFIX}proxy-ssl-{name}"), text.to_owned())].into();
        let (tls, invalid) = upstream_tls(&values);
        (tls, invalid.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn checks_are_switched_off_by_off_alone() {
        for (text, verify, defects) in [("on", true, 0), ("off", false, 0), ("", false, 0)] {
            let (tls, invalid) = read("verify", text);
            assert_eq!((tls.verify, invalid.len()), (verify, defects), "{text}");
        }
        for text in ["true", "ON", "false", "0"] {
            let (tls, invalid) = read("verify", text);
            assert!(tls.verify && invalid[0].ends_with("\"on\" holds"), "{text}");
        }
    }

    #[test]
    fn values_are_read() {
        assert_eq!(read("verify-depth", "0").0.depth, 1);
        assert_eq!(read("verify-depth", "3").0.depth, 3);
        assert_eq!((read("verify-depth", "x").0.depth, read("verify-depth", "x").1.len()), (1, 1));
        assert!(read("server-name", "on").0.server_name && !read("server-name", "off").0.server_name);
        assert_eq!(read("name", "api.example.com").0.name.as_deref(), Some("api.example.com"));
        assert_eq!(read("name", "10.0.0.1").0.name.as_deref(), Some("10.0.0.1"));
        for wrong in ["$host", "a b", "^a$", "*.example.com"] {
            let (tls, invalid) = read("name", wrong);
            assert_eq!((tls.name, invalid.len()), (None, 1), "{wrong}");
        }
    }

    #[test]
    fn ciphers_and_versions_that_are_not_spoken_are_left_out() {
        use CipherSuite::{EcdsaAes128Gcm, RsaChaCha20};
        for (text, suites, defects) in [
            ("DEFAULT", &[][..], 0),
            ("ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", &[RsaChaCha20, EcdsaAes128Gcm], 0),
            ("HIGH:!aNULL:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305", &[RsaChaCha20], 1),
            ("AES128-SHA", &[], 1),
        ] {
            let (tls, invalid) = read("ciphers", text);
            assert_eq!((&*tls.ciphers, invalid.len()), (suites, defects), "{text}");
        }
        let both = [Version::Tls12, Version::Tls13];
        for (text, versions, defects) in [
            ("TLSv1.3", &[Version::Tls13][..], 0),
            ("TLSv1.3 TLSv1.2", &both, 0),
            ("TLSv1 TLSv1.1 TLSv1.2", &[Version::Tls12], 1),
            ("SSLv3", &both, 1),
        ] {
            let (tls, invalid) = read("protocols", text);
            assert_eq!((&*tls.versions, invalid.len()), (versions, defects), "{text}");
        }
    }
}
