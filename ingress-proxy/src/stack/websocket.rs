//! The handshake of a WebSocket towards an endpoint, for a client that needs none: over HTTP/2 it has said CONNECT (RFC 8441), and HTTP/1.1
//! wants a key and an answer to it (RFC 6455, section 4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};

/// What is appended to a key before it is hashed (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake that has begun.
#[derive(Debug)]
pub(super) struct Handshake {
    key: String,
}

impl Handshake {
    /// With a fresh key.
    pub(super) fn new() -> Self {
        Self { key: STANDARD.encode(rand::random::<[u8; 16]>()) }
    }

    /// Puts our key in the place of whatever the client has sent.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        // base64 always is a header value.
        match HeaderValue::from_str(&self.key) {
            Ok(key) => drop(headers.insert(SEC_WEBSOCKET_KEY, key)),
            Err(_) => drop(headers.remove(SEC_WEBSOCKET_KEY)),
        }
    }

    /// Whether the head of a 101 shows that the endpoint has understood the key. What only HTTP/1.1 has is taken out of it.
    pub(super) fn finish(&self, headers: &mut HeaderMap) -> bool {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[self.key.as_bytes(), GUID].concat());
        let expected = STANDARD.encode(hash);
        let (one, more) = {
            let mut lines = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
            (lines.next().is_some_and(|line| line.as_bytes() == expected.as_bytes()), lines.next().is_some())
        };
        headers.remove(SEC_WEBSOCKET_ACCEPT);
        headers.remove(UPGRADE);
        one && !more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let handshake = Handshake { key: "dGhlIHNhbXBsZSBub25jZQ==".into() };
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(handshake.finish(&mut headers));
        assert!(headers.is_empty());
        assert!(!handshake.finish(&mut headers));
        headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOp="));
        assert!(!handshake.finish(&mut headers));
    }

    #[test]
    fn each_has_a_key_of_its_own() {
        let key = || {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("mine"));
            Handshake::new().ask(&mut headers);
            headers[SEC_WEBSOCKET_KEY].to_str().unwrap().to_owned()
        };
        assert_eq!(STANDARD.decode(key()).unwrap().len(), 16);
        assert_ne!(key(), key());
    }
}
