//! `auth-tls-*`: which certificates are asked of clients.
//!
//! These annotations keep somebody out. So what is no sound request for client certificates, but may have been meant as one, is
//! [`Unmet`]: nobody gets through then. What only says more about a sound one has a default.

use super::{FALSE, Invalid, Values, value};
use crate::route::ObjectName;
use crate::tls::VerifyClient;
use crate::value::boolean;

/// What the annotations of an Ingress ask for, before anybody has looked at the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedClientAuth<'v> {
    /// The Secret with the authorities (`auth-tls-secret`).
    pub secret: ObjectName,
    /// Whether a certificate must be shown (`auth-tls-verify-client`, `on`).
    pub verify: VerifyClient,
    /// How many authorities may stand between (`auth-tls-verify-depth`, 1).
    pub depth: u32,
    /// A URL or a path (`auth-tls-error-page`).
    pub error_page: Option<&'v str>,
    /// A regular expression that begins with `CN=` (`auth-tls-match-cn`); nobody has compiled it yet.
    pub match_subject: Option<&'v str>,
    /// Whether endpoints get the certificate (`auth-tls-pass-certificate-to-upstream`).
    pub pass_certificate: bool,
}

/// Why client certificates are asked for and cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmet {
    /// The annotation, without [`PREFIX`](super::PREFIX).
    pub name: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// The way out.
    pub remedy: &'static str,
}

impl Unmet {
    pub(crate) fn new(name: &'static str, message: impl Into<String>, remedy: &'static str) -> Self {
        Self { name, message: message.into(), remedy }
    }
}

pub(crate) const SECRET: &str = "auth-tls-secret";
pub(crate) const MATCH_CN: &str = "auth-tls-match-cn";
const VERIFY: &str = "auth-tls-verify-client";
const DEPTH: &str = "auth-tls-verify-depth";
const ERROR_PAGE: &str = "auth-tls-error-page";
const PASS: &str = "auth-tls-pass-certificate-to-upstream";

/// Reads what is asked of clients: nothing for `auth-tls-verify-client: off`, and without any of these annotations.
///
/// # Errors
/// [`Unmet`], beside what is ignored.
pub fn client_auth(values: &Values) -> (Result<Option<AskedClientAuth<'_>>, Unmet>, Vec<Invalid>) {
    let mut invalid = Vec::new();
    (asked(values, &mut invalid), invalid)
}

fn asked<'v>(values: &'v Values, invalid: &mut Vec<Invalid>) -> Result<Option<AskedClientAuth<'v>>, Unmet> {
    let text = |name| value(values, name).map(str::trim);
    if text(VERIFY) == Some("off") {
        let message =
            "no client shows a certificate while auth-tls-verify-client is \"off\", so none can match";
        let unmet = Unmet::new(MATCH_CN, message, "remove it, or ask for certificates");
        return if text(MATCH_CN).is_some_and(|text| !text.is_empty()) { Err(unmet) } else { Ok(None) };
    }
    let Some(secret) = text(SECRET) else { return without_secret(values).map(|()| None) };
    let secret = object(secret).ok_or_else(|| {
        let text: String = secret.chars().take(80).collect();
        let message = format!("expected namespace/name of a secret, got {text:?}");
        Unmet::new(
            SECRET,
            message,
            "name the secret with the authorities, or remove it if all may get through",
        )
    })?;
    let match_subject = text(MATCH_CN).map(match_cn).transpose()?;
    let mut ignore = |name, expected, text: &str, instead| {
        invalid.push(Invalid { instead, ..Invalid::new(name, expected, text) });
    };
    let verify = text(VERIFY).and_then(|text| {
        let verify = verify_client(text);
        if verify.is_none() && !text.is_empty() {
            ignore(VERIFY, "on, off, optional or optional_no_ca", text, "on holds");
        }
        verify
    });
    let depth = text(DEPTH).and_then(|text| {
        let depth = text.parse::<u32>().ok();
        if depth.is_none() {
            ignore(DEPTH, "a whole number", text, "1 holds");
        }
        depth.filter(|depth| *depth != 0)
    });
    let error_page = text(ERROR_PAGE).filter(|text| !text.is_empty()).filter(|text| {
        let valid = is_page(text);
        if !valid {
            let expected = "a URL or a path; names of nginx locations lead nowhere";
            ignore(ERROR_PAGE, expected, text, "clients without a good certificate are answered 400");
        }
        valid
    });
    let pass_certificate = text(PASS).and_then(|text| {
        let pass = boolean(text);
        if pass.is_none() {
            ignore(PASS, "true or false", text, "the certificate is not passed on");
        }
        pass
    });
    Ok(Some(AskedClientAuth {
        secret,
        verify: verify.unwrap_or(VerifyClient::On),
        depth: depth.unwrap_or(1),
        error_page,
        match_subject,
        pass_certificate: pass_certificate.unwrap_or(false),
    }))
}

/// Whoever writes one of the others may rely on it.
fn without_secret(values: &Values) -> Result<(), Unmet> {
    for name in [VERIFY, MATCH_CN, DEPTH, ERROR_PAGE, PASS] {
        if value(values, name).is_some_and(|text| name != PASS || !FALSE.contains(&text)) {
            let message = "there is no auth-tls-secret, so nobody vouches for clients";
            return Err(Unmet::new(
                name,
                message,
                "add auth-tls-secret, or remove it if all may get through",
            ));
        }
    }
    Ok(())
}

fn object(text: &str) -> Option<ObjectName> {
    let (namespace, name) = text.split_once('/')?;
    let whole = !namespace.is_empty() && !name.is_empty() && !name.contains('/');
    whole.then(|| ObjectName { namespace: namespace.into(), name: name.into() })
}

fn match_cn(text: &str) -> Result<&str, Unmet> {
    if text.starts_with("CN=") && !text.contains(char::is_control) {
        return Ok(text);
    }
    let shown: String = text.chars().take(80).collect();
    let message = format!("expected \"CN=\" and a regular expression, got {shown:?}");
    Err(Unmet::new(MATCH_CN, message, "correct it, or remove it if every certificate may get through"))
}

fn verify_client(text: &str) -> Option<VerifyClient> {
    match text {
        "on" => Some(VerifyClient::On),
        "optional" => Some(VerifyClient::Optional),
        "optional_no_ca" => Some(VerifyClient::OptionalNoCa),
        _ => None,
    }
}

/// A path, or a URL of HTTP: what may stand in a `Location`.
fn is_page(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = |rest: &str| rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
    let plain =
        |letter: u8| letter.is_ascii_graphic() && !matches!(letter, b'"' | b'<' | b'>' | b'\\' | b'$');
    let whole = match rest {
        Some(rest) => host(rest),
        // Two slashes would be the host of another site.
        None => text.starts_with('/') && !text.starts_with("//"),
    };
    whole && text.bytes().all(plain) && text.parse::<http::Uri>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::PREFIX;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| (format!("{PREFIX}auth-tls-{name}"), (*value).to_owned())).collect()
    }

    #[test]
    fn all_is_read() {
        let values = values(&[
            ("secret", " shop/ca\n"),
            ("verify-client", "optional_no_ca"),
            ("verify-depth", "3"),
            ("error-page", "https://example.com/login?a=b"),
            ("match-cn", "CN=(a|b)"),
            ("pass-certificate-to-upstream", "true"),
        ]);
        let (asked, invalid) = client_auth(&values);
        let asked = asked.unwrap().unwrap();
        assert_eq!(invalid, []);
        assert_eq!(asked.secret.to_string(), "shop/ca");
        assert_eq!((asked.verify, asked.depth), (VerifyClient::OptionalNoCa, 3));
        assert_eq!(asked.error_page, Some("https://example.com/login?a=b"));
        assert_eq!((asked.match_subject, asked.pass_certificate), (Some("CN=(a|b)"), true));
    }

    #[test]
    fn what_only_says_more_has_defaults() {
        let values = values(&[
            ("secret", "shop/ca"),
            ("verify-client", "maybe"),
            ("verify-depth", "-1"),
            ("error-page", "@login"),
            ("pass-certificate-to-upstream", "yes"),
        ]);
        let (asked, invalid) = client_auth(&values);
        let asked = asked.unwrap().unwrap();
        assert_eq!((asked.verify, asked.depth, asked.error_page), (VerifyClient::On, 1, None));
        assert!(!asked.pass_certificate);
        let names: Vec<_> = invalid.iter().map(|invalid| invalid.name).collect();
        assert_eq!(names, [VERIFY, DEPTH, ERROR_PAGE, PASS]);
    }

    #[test]
    fn what_may_have_been_meant_as_a_protection_is_one() {
        for (pairs, name) in [
            (&[("secret", "")][..], SECRET),
            (&[("secret", "ca")], SECRET),
            (&[("secret", "a/b/c")], SECRET),
            (&[("secret", "shop/ca"), ("match-cn", "a")], MATCH_CN),
            (&[("secret", "shop/ca"), ("match-cn", "")], MATCH_CN),
            (&[("secret", "shop/ca"), ("match-cn", "CN=a\u{7}")], MATCH_CN),
            (&[("verify-client", "on")], VERIFY),
            (&[("verify-depth", "1")], DEPTH),
            (&[("match-cn", "CN=a")], MATCH_CN),
            (&[("verify-client", "off"), ("match-cn", "CN=a")], MATCH_CN),
            (&[("pass-certificate-to-upstream", "true")], PASS),
        ] {
            assert_eq!(client_auth(&values(pairs)).0.unwrap_err().name, name, "{pairs:?}");
        }
        for pairs in [
            &[][..],
            &[("verify-client", "off")],
            &[("verify-client", "off"), ("secret", "nonsense"), ("verify-depth", "x")],
            &[("pass-certificate-to-upstream", "false")],
        ] {
            assert_eq!(client_auth(&values(pairs)), (Ok(None), vec![]), "{pairs:?}");
        }
    }

    #[test]
    fn pages_are_paths_and_urls() {
        for page in ["/", "/a/b?c=d", "http://a", "https://a.com:8443/x"] {
            assert!(is_page(page), "{page}");
        }
        for page in
            ["a.com/x", "@login", "//a.com", "ftp://a", "https://", "https:///x", "/a b", "/\r\nx", "/$uri"]
        {
            assert!(!is_page(page), "{page:?}");
        }
    }
}
