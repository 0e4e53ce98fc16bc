//! Who the client is and what it asked for, as far as proxies before us are believed.
//!
//! Only a proxy whose address is trusted is believed. (ingress-nginx takes host, port and scheme from anybody once
//! `use-forwarded-headers` is on; with the default of `proxy-real-ip-cidr`, all addresses, that is the same.) And only values
//! that are well formed count: an endpoint is never sent what could be read in two ways.

use std::net::{IpAddr, SocketAddr};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ingress_core::canonical_host;
use ingress_core::settings::Forwarded;

use super::headers::{X_FORWARDED_HOST, X_FORWARDED_PORT, X_FORWARDED_PROTO};
use crate::connection::Connection;

/// The client's address: the peer's, or the one that trusted proxies tell. The header is read from the right, as each proxy adds what it
/// has seen at the end: the first address that is not a trusted proxy's is the client's.
pub(super) fn address(
    headers: &HeaderMap,
    connection: Option<&Connection>,
    forwarded: &Forwarded,
) -> Option<IpAddr> {
    let mut client = connection?.client().ip();
    if !(forwarded.use_forwarded_headers || forwarded.enable_real_ip) || !is_trusted(client, forwarded) {
        return Some(client);
    }
    let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
    let elements = headers
        .get_all(&forwarded.header)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(is_separator).filter(|element| !element.is_empty()));
    for element in elements {
        let Some(address) = parse(element) else { break };
        client = address;
        if !is_trusted(client, forwarded) {
            break;
        }
    }
    Some(client)
}

fn is_trusted(address: IpAddr, forwarded: &Forwarded) -> bool {
    forwarded.trusted.iter().any(|network| network.contains(&address))
}

/// Who trusts all addresses of one family wants to trust everybody, and not to tell the families apart: `0.0.0.0/0` is the default.
pub(crate) fn is_believed(peer: IpAddr, forwarded: &Forwarded) -> bool {
    is_trusted(peer, forwarded) || forwarded.trusted.iter().any(|network| network.prefix_len() == 0)
}

/// An address, with or without a port.
fn parse(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

/// What a trusted proxy says that its client asked for.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) believed: bool,
    pub(super) host: Option<HeaderValue>,
    pub(super) port: Option<HeaderValue>,
    pub(super) scheme: Option<&'static str>,
}

impl Claims {
    /// The claims in these fields; none if they are not to be believed. Of a list the first element counts.
    pub(super) fn of(headers: &HeaderMap, connection: Option<&Connection>, forwarded: &Forwarded) -> Self {
        let peer = connection.map(|connection| connection.client().ip());
        if !forwarded.use_forwarded_headers || !peer.is_some_and(|peer| is_believed(peer, forwarded)) {
            return Self::default();
        }
        let host = first(headers, &X_FORWARDED_HOST).filter(|host| canonical_host(host).is_some());
        let port = first(headers, &X_FORWARDED_PORT).and_then(|port| {
            match port.bytes().all(|b| b.is_ascii_digit()) {
                true => port.parse::<u16>().ok().filter(|port| *port > 0),
                false => None,
            }
        });
        Self {
            believed: true,
            host: host.and_then(|host| HeaderValue::from_str(host).ok()),
            port: port.map(HeaderValue::from),
            scheme: first(headers, &X_FORWARDED_PROTO).and_then(scheme),
        }
    }
}

fn first<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    Some(headers.get(name)?.to_str().ok()?.split(',').next()?.trim_ascii())
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https", "ws", "wss"].into_iter().find(|known| text.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_trusts_everybody_does_not_tell_address_families_apart() {
        let mut forwarded = Forwarded::default();
        let (six, four) = ("2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        assert!(is_believed(six, &forwarded) && is_believed(four, &forwarded));
        forwarded.trusted = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(!is_believed(six, &forwarded) && !is_believed(four, &forwarded));
    }

    fn client(peer: &str, trusted: &[&str], lines: &[&'static str]) -> String {
        let mut forwarded = Forwarded::default();
        forwarded.enable_real_ip = true;
        if !trusted.is_empty() {
            forwarded.trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        }
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let connection = Connection::new(SocketAddr::new(peer.parse().unwrap(), 1), 80);
        address(&headers, Some(&connection), &forwarded).unwrap().to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_client() {
        let ours = ["10.0.0.0/8", "fd00::/8"];
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
            (&["1.1.1.1, 2.2.2.2, 10.0.0.2,10.0.0.3"], "2.2.2.2"),
            (&["1.1.1.1", "2.2.2.2", "10.0.0.2"], "2.2.2.2"),
            (&["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            (&["1.1.1.1, evil, 10.0.0.2"], "10.0.0.2"),
            (&["1.1.1.1:4711, "], "1.1.1.1"),
            (&["2001:db8::7, [fd00::1]:80, [fd00::2]"], "2001:db8::7"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["unknown"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &ours, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client() {
        assert_eq!(client("192.0.2.1", &["10.0.0.0/8"], &["1.1.1.1"]), "192.0.2.1");
        // The default trusts every IPv4 address and no other.
        assert_eq!(client("192.0.2.1", &[], &["1.1.1.1, 2.2.2.2"]), "1.1.1.1");
        assert_eq!(client("2001:db8::1", &[], &["1.1.1.1"]), "2001:db8::1");
        assert_eq!(client("192.0.2.1", &[], &["1.1.1.1, 2001:db8::1, 2.2.2.2"]), "2001:db8::1");
    }
}
