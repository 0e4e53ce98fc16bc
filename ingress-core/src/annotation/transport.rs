//! `backend-protocol`.

use crate::policy::Protocol;

/// True for `FCGI`, which ingress-nginx speaks and nobody does here.
#[must_use]
pub fn is_fast_cgi(text: &str) -> bool {
    text.eq_ignore_ascii_case("FCGI")
}

/// Reads what endpoints speak, in any case; `None` if it is no protocol that is spoken.
#[must_use]
pub fn protocol(text: &str) -> Option<Protocol> {
    match text.to_ascii_uppercase().as_str() {
        "HTTP" => Some(Protocol::Http),
        "HTTPS" => Some(Protocol::Https),
        "AUTO_HTTP" => Some(Protocol::Auto),
        "GRPC" => Some(Protocol::Grpc),
        "GRPCS" => Some(Protocol::Grpcs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_in_any_case() {
        assert_eq!(protocol("http"), Some(Protocol::Http));
        assert_eq!(protocol("Https"), Some(Protocol::Https));
        assert_eq!(protocol("auto_http"), Some(Protocol::Auto));
        assert_eq!(protocol("GRPC"), Some(Protocol::Grpc));
        assert_eq!(protocol("grpcs"), Some(Protocol::Grpcs));
        for other in ["", "HTTP2", " HTTP", "FCGI"] {
            assert_eq!(protocol(other), None, "{other}");
        }
        assert!(is_fast_cgi("fcgi") && !is_fast_cgi("http"));
    }
}
