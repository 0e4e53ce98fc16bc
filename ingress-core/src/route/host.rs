//! Host names: the pattern of a rule, and the canonical form of a request's host.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The hosts that a rule is for.
///
/// An exact name wins over a wildcard, a wildcard over [`HostPattern::Any`]; the choice of the host comes before any look at the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// One name, in lower case.
    Exact(Arc<str>),
    /// `*.name`: exactly one label before `name`, which is held here in lower case without the `*.`.
    Wildcard(Arc<str>),
    /// Every host that no other rule names.
    Any,
}

/// A [`HostPattern`] that is only looked up by. Hashed as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server<'h> {
    /// [`HostPattern::Exact`]
    Exact(&'h str),
    /// [`HostPattern::Wildcard`]
    Wildcard(&'h str),
    /// [`HostPattern::Any`]
    Any,
}

impl hashbrown::Equivalent<HostPattern> for Server<'_> {
    fn equivalent(&self, pattern: &HostPattern) -> bool {
        match (self, pattern) {
            (Self::Exact(name), HostPattern::Exact(pattern))
            | (Self::Wildcard(name), HostPattern::Wildcard(pattern)) => **name == **pattern,
            (Self::Any, HostPattern::Any) => true,
            _ => false,
        }
    }
}

/// Why a text is no host of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Longer than the 253 characters that DNS allows.
    #[error("is longer than 253 characters")]
    TooLong,
    /// An IP address; the Ingress API allows only names.
    #[error("is an IP address, and a rule's host must be a name")]
    Address,
    /// Not a DNS name, nor one with a leading `*.` label.
    #[error("is not a DNS name, nor \"*.\" before one")]
    Syntax,
}

impl HostPattern {
    /// Reads the `host` of an Ingress rule: empty means any host, `*.name` one more label before `name`.
    ///
    /// # Errors
    /// [`HostError`] if the API server would refuse the host too. Upper case is accepted and lowered.
    pub fn parse(host: &str) -> Result<Self, HostError> {
        if host.is_empty() {
            return Ok(Self::Any);
        }
        if host.len() > 253 {
            return Err(HostError::TooLong);
        }
        if host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() {
            return Err(HostError::Address);
        }
        let name = host.strip_prefix("*.");
        if !name.unwrap_or(host).split('.').all(is_label) {
            return Err(HostError::Syntax);
        }
        Ok(match name {
            Some(name) => Self::Wildcard(name.to_ascii_lowercase().into()),
            None => Self::Exact(host.to_ascii_lowercase().into()),
        })
    }
}

impl HostPattern {
    /// What is looked up: the name, the part of it after the `*.`, or nothing.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Wildcard(name) => name,
            Self::Any => "",
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// A label of a rule's host (RFC 1123; ingress-nginx's users also have `_` in them).
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Brings the host of a request (a `Host` header or a `:authority`) into the form that [`RouteTable::find`](super::RouteTable::find)
/// expects: without port, without one trailing dot, in lower case.
///
/// `None` if the text is no host: empty, or with a byte that neither a name nor an address can hold, or with a malformed port. Such a
/// request is answered 400.
pub fn canonical_host(authority: &str) -> Option<Cow<'_, str>> {
    if is_usual(authority.as_bytes()) { Some(Cow::Borrowed(authority)) } else { read(authority) }
}

fn read(authority: &str) -> Option<Cow<'_, str>> {
    let host = without_port(authority)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let known = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.starts_with('.') && host.bytes().all(valid),
    };
    if !known {
        None
    } else if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Some(Cow::Owned(host.to_ascii_lowercase()))
    } else {
        Some(Cow::Borrowed(host))
    }
}

/// True if this is a host in its canonical form, as nearly all are: what every request pays is one look at each byte.
fn is_usual(host: &[u8]) -> bool {
    let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    // Without an early end, the compiler looks at many bytes at once.
    let all = host.iter().fold(true, |all, &byte| all & usual(byte));
    all && !matches!(host, [] | [b'.', ..] | [.., b'.'])
}

/// Cuts `:port` off; `None` if what follows the colon is no port.
fn without_port(authority: &str) -> Option<&str> {
    let end_of_address = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|&colon| colon > end_of_address) {
        None => Some(authority),
        Some(colon) => {
            let (host, port) = authority.split_at_checked(colon)?;
            let port = port.strip_prefix(':')?;
            (port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_hosts() {
        assert_eq!(HostPattern::parse("Foo.Bar"), Ok(HostPattern::Exact("foo.bar".into())));
        assert_eq!(HostPattern::parse("*.bar.com"), Ok(HostPattern::Wildcard("bar.com".into())));
        assert_eq!(HostPattern::parse(""), Ok(HostPattern::Any));
        assert_eq!(HostPattern::parse(&"a".repeat(300)), Err(HostError::TooLong));
        assert_eq!(HostPattern::parse("10.0.0.1"), Err(HostError::Address));
        for wrong in ["*", "*.", "a..b", "-a", "a b", "a:80", "a.*.b", "*a.b", "a/b", &"a".repeat(64)] {
            assert_eq!(HostPattern::parse(wrong), Err(HostError::Syntax), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_usual_host_is_read_as_any_other(host in "[a-z0-9.-]{0,9}(:[0-9]{0,6})?|[a-zA-Z0-9.:_~\\[\\]-]{0,9}|\\PC{0,9}") {
            proptest::prop_assert_eq!(canonical_host(&host), read(&host));
        }
    }

    #[test]
    fn request_hosts() {
        for (host, canonical) in [
            ("foo.bar", Some("foo.bar")),
            ("FOO.bar:8080", Some("foo.bar")),
            ("foo.bar.", Some("foo.bar")),
            ("foo.bar.:80", Some("foo.bar")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("foo:", Some("foo")),
            ("", None),
            (":80", None),
            (".", None),
            (".foo", None),
            ("foo/bar", None),
            ("foo bar", None),
            ("user@foo", None),
            ("foo:80x", None),
            ("foo:123456", None),
            ("[::1", None),
            ("::1", None),
            ("a,b", None),
        ] {
            assert_eq!(canonical_host(host).as_deref(), canonical, "{host}");
        }
    }
}
