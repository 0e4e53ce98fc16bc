//! What an endpoint is told of the client.

use std::net::SocketAddr;

/// A PROXY header of version 1 (section 2.1 of its specification): from a client to an address of ours.
pub(super) fn version_1(client: SocketAddr, local: SocketAddr) -> Vec<u8> {
    let (from, to) = (client.ip().to_canonical(), local.ip().to_canonical());
    let family = match (from.is_ipv4(), to.is_ipv4()) {
        (true, true) => "TCP4",
        (false, false) => "TCP6",
        // One line has one family.
        _ => return b"PROXY UNKNOWN\r\n".to_vec(),
    };
    format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), local.port()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_and_neither() {
        let header = |client: &str, local: &str| {
            String::from_utf8(version_1(client.parse().unwrap(), local.parse().unwrap())).unwrap()
        };
        assert_eq!(header("192.0.2.1:5", "192.0.2.2:80"), "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n");
        assert_eq!(header("[::ffff:192.0.2.1]:5", "192.0.2.2:80"), "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n");
        assert_eq!(
            header("[2001:db8::1]:5", "[2001:db8::2]:80"),
            "PROXY TCP6 2001:db8::1 2001:db8::2 5 80\r\n"
        );
        assert_eq!(header("[2001:db8::1]:5", "192.0.2.2:80"), "PROXY UNKNOWN\r\n");
    }
}
