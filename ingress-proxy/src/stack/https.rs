//! From plain HTTP to HTTPS.

use http::Response;
use http::header::{HeaderValue, LOCATION};
use ingress_core::policy::HttpsRedirect;

use super::request::ClientRequest;
use crate::body::Body;
use crate::error::{Kind, page};

/// The redirect of a request: `https://`, its host, and its target as it was sent.
///
/// # Errors
/// [`Kind::BadRequest`] if the request names no host, as HTTP/1.0 need not.
pub(super) fn redirect(request: &ClientRequest, redirect: HttpsRedirect) -> Result<Response<Body>, Kind> {
    let location = location(request, redirect).ok_or(Kind::BadRequest)?;
    let mut response = page(redirect.status);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn location(request: &ClientRequest, redirect: HttpsRedirect) -> Option<HeaderValue> {
    let host = without_port(request.wanted_host()?.to_str().ok()?);
    let target = request.request.uri().path_and_query().map_or("/", |target| target.as_str());
    // ingress-nginx cuts one, even at the end of a query.
    let target = match redirect.preserve_trailing_slash {
        true => target,
        false => target.strip_suffix('/').unwrap_or(target),
    };
    let location = match redirect.port {
        Some(port) => format!("https://{host}:{port}{target}"),
        None => format!("https://{host}{target}"),
    };
    HeaderValue::try_from(location).ok()
}

/// The host has been found to be one: what follows a colon behind an IPv6 address, or the only colon, is a port.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use http::{Request, StatusCode, Version};
    use proptest::prelude::*;

    use super::*;

    fn request(host: &str, target: &str) -> ClientRequest {
        let request = Request::get(target).header(HOST, host).body(Body::empty()).unwrap();
        ClientRequest::check(Box::new(request), None).unwrap()
    }

    fn sent_to(host: &str, target: &str, redirect: HttpsRedirect) -> String {
        let answer = super::redirect(&request(host, target), redirect).unwrap();
        assert_eq!(answer.status(), redirect.status);
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn to_the_same_host_and_target() {
        for (host, target, location) in [
            ("h.test", "/", "https://h.test"),
            ("h.test", "/a/?b=/", "https://h.test/a/?b="),
            ("h.test", "/a//", "https://h.test/a/"),
            ("h.test:8080", "/x", "https://h.test/x"),
            ("H.test.:80", "/%2e/x?", "https://H.test./%2e/x?"),
            ("[::1]", "/x", "https://[::1]/x"),
            ("[::1]:80", "/x", "https://[::1]/x"),
            ("h.test", "//other.test/x", "https://h.test//other.test/x"),
            ("h.test", "http://other.test:80/x", "https://other.test/x"),
        ] {
            assert_eq!(sent_to(host, target, HttpsRedirect::default()), location, "{host} {target}");
        }
    }

    #[test]
    fn as_the_policy_says() {
        let mut policy = HttpsRedirect::default();
        policy.preserve_trailing_slash = true;
        assert_eq!(sent_to("h.test", "/", policy), "https://h.test/");
        policy.port = Some(8443);
        policy.status = StatusCode::FOUND;
        assert_eq!(sent_to("h.test:80", "/a/", policy), "https://h.test:8443/a/");
    }

    #[test]
    fn who_names_no_host_cannot_be_sent_anywhere() {
        let request = Request::get("/").version(Version::HTTP_10).body(Body::empty()).unwrap();
        let request = ClientRequest::check(Box::new(request), None).unwrap();
        assert_eq!(super::redirect(&request, HttpsRedirect::default()).unwrap_err(), Kind::BadRequest);
    }

    proptest! {
        #[test]
        fn a_location_is_one_line(host in "\\PC{0,20}|[a-z\\r\\n\\t.:%]{0,20}", target in "/(\\PC|[\\x00-\\xff]){0,30}") {
            let sent = Request::get(target.as_str()).header(HOST, host.as_str()).body(Body::empty());
            if let Some(request) = sent.ok().and_then(|sent| ClientRequest::check(Box::new(sent), None).ok())
                && request.target().is_ok()
                && let Ok(answer) = super::redirect(&request, HttpsRedirect::default())
            {
                let location = answer.headers()[LOCATION].as_bytes();
                prop_assert!(location.starts_with(b"https://"));
                prop_assert!(location.iter().all(|&byte| byte > b' ' && byte != 0x7f), "{location:?}");
            }
        }
    }
}
