//! What the answer to a request gets from us, whoever makes it.

use http::header::{ALT_SVC, HeaderValue, SERVER, STRICT_TRANSPORT_SECURITY};
use http::{Request, Response, Version};
use ingress_core::Settings;

use super::grpc;
use super::record::Record;
use crate::body::Body;
use crate::connection::Connection;

/// What is known, before a request is handed on, of what its answer will need.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reply {
    /// The client is one of gRPC: a page would mean nothing to it.
    grpc: bool,
    /// The client came over TLS of ours, and its request got as far as a location.
    hsts: bool,
    /// Where else we are to be found.
    alt_svc: Option<HeaderValue>,
}

impl Reply {
    /// For a request of which only its own fields are known.
    pub(super) fn to(request: &Request<Body>) -> Self {
        Self { grpc: grpc::is_call(request), ..Self::default() }
    }

    /// A location was found, be it that of the default backend: what holds for all answers over TLS holds for this one. `http3` is where we
    /// speak HTTP/3, if that is to be said.
    pub(super) fn located(
        &mut self,
        connection: Option<&Connection>,
        version: Version,
        http3: Option<&HeaderValue>,
    ) {
        self.hsts = connection.is_some_and(|connection| connection.tls().is_some());
        if self.hsts && version < Version::HTTP_3 {
            self.alt_svc = http3.cloned();
        }
    }

    /// Ends the stack's work on an answer: gives it the form and the fields that the client is to see, and lets the record of the request
    /// ride with it.
    pub(super) fn conclude(
        &self,
        record: Option<Box<Record>>,
        mut response: Response<Body>,
        settings: &Settings,
    ) -> Response<Body> {
        // What is told of a page to the log and the metrics is the status that it has, not the 200 that gRPC makes of it.
        let status = response.status();
        if self.grpc && response.body().is_page() && !status.is_redirection() {
            response = grpc::instead_of(response);
        }
        let headers = response.headers_mut();
        if settings.server_tokens {
            headers.entry(SERVER).or_insert(HeaderValue::from_static("ingress"));
        }
        if let Some(hsts) = settings.hsts.as_ref().filter(|_| self.hsts) {
            headers.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(alt_svc) = &self.alt_svc {
            headers.insert(ALT_SVC, alt_svc.clone());
        }
        if let Some(mut record) = record {
            record.answers(&response, status);
            response.body_mut().carry(record);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::connection::Tls;
    use crate::error::page;

    fn plain() -> Connection {
        Connection::new(([192, 0, 2, 1], 1).into(), 80)
    }

    fn answered(connection: Option<&Connection>, version: Version) -> Response<Body> {
        let mut reply = Reply::default();
        reply.located(connection, version, Some(&HeaderValue::from_static("h3")));
        let mut answer = page(StatusCode::NOT_FOUND);
        answer.headers_mut().append(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=1"));
        answer.headers_mut().append(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=2"));
        reply.conclude(None, answer, &Settings::default())
    }

    #[test]
    fn hsts_is_said_over_tls_of_ours_alone_and_in_the_place_of_what_an_endpoint_says() {
        let tls = plain().with_tls(Tls::new(None, None));
        let hsts = |connection| {
            let answer = answered(connection, Version::HTTP_11);
            let lines: Vec<_> = answer.headers().get_all(STRICT_TRANSPORT_SECURITY).iter().cloned().collect();
            lines
        };
        assert_eq!(hsts(Some(&tls)), ["max-age=31536000; includeSubDomains"]);
        let before = plain().on_behalf_of(([192, 0, 2, 9], 1).into(), 443);
        for elsewhere in [None, Some(&plain()), Some(&before)] {
            assert_eq!(hsts(elsewhere), ["max-age=1", "max-age=2"]);
        }
    }

    #[test]
    fn whoever_speaks_http3_is_not_told_of_it() {
        let tls = plain().with_tls(Tls::new(None, None));
        let told = |connection, version| answered(Some(connection), version).headers().contains_key(ALT_SVC);
        assert!(told(&tls, Version::HTTP_2) && told(&tls, Version::HTTP_11));
        assert!(!told(&tls, Version::HTTP_3) && !told(&plain(), Version::HTTP_2));
    }
}
