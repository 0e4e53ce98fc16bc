//! A certificate as text that fits into a header.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// PEM of a certificate, percent-encoded: what nginx calls `$ssl_client_escaped_cert`. The unreserved characters of RFC 3986 stay.
pub(super) fn escaped_pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::with_capacity(base64.len() * 11 / 10 + 100);
    text.push_str("-----BEGIN%20CERTIFICATE-----%0A");
    for (place, character) in base64.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push_str("%0A");
        }
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' => text.push(character),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{:02X}", u32::from(character));
            }
        }
    }
    text.push_str("%0A-----END%20CERTIFICATE-----%0A");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_characters_are_those_of_nginx() {
        assert_eq!(
            escaped_pem(&[0xfb, 0xff, 0xbf, 0]),
            "-----BEGIN%20CERTIFICATE-----%0A%2B%2F%2B%2FAA%3D%3D%0A-----END%20CERTIFICATE-----%0A"
        );
        // 48 bytes are one full line.
        let full = escaped_pem(&[0; 48]);
        assert_eq!(full.matches("%0A").count(), 3);
        assert_eq!(escaped_pem(&[0; 49]).matches("%0A").count(), 4);
    }
}
