//! The steps before a request is forwarded: client certificates, HTTPS, and what answers get on the way back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may give up anywhere

mod support;

use std::sync::{Arc, Mutex};

use http::header::{CONTENT_TYPE, HOST, LOCATION, STRICT_TRANSPORT_SECURITY};
use http::{Request, Response, StatusCode, Version};
use ingress_proxy::connection::{ClientIdentity, Outcome, Tls};
use ingress_proxy::core::tls::{ClientAuth, Pattern, VerifyClient};
use ingress_proxy::core::{Backend, HostPattern};
use ingress_proxy::{Body, Connection, Finished, Observer};

use support::*;

#[tokio::test]
async fn the_host_of_the_request_decides_not_that_of_the_handshake() {
    let proxy = Setup::new().proxy().await;
    let good = tls(Some("mtls.test"), Some((strict(), Outcome::Success)));
    for host in ["mtls.test", "MTLS.Test", "mtls.test.", "mtls.test:443", "Mtls.test.:8443"] {
        assert_eq!(status(&proxy, &good, host).await, 200, "{host}");
        for connection in [
            tls(Some("free.test"), None),
            tls(None, None),
            tls(Some("a.wild.test"), Some((wild(), Outcome::Success))),
        ] {
            assert_eq!(status(&proxy, &connection, host).await, 421, "{host} {:?}", connection.tls());
        }
        assert_eq!(status(&proxy, &plain(), host).await, 400, "{host}");
    }
    // What the handshake has shown is good for its own policy alone.
    assert_eq!(status(&proxy, &good, "a.wild.test").await, 421);
    assert_eq!(status(&proxy, &good, "free.test").await, 200);
    let wild = tls(Some("a.wild.test"), Some((wild(), Outcome::Success)));
    assert_eq!(status(&proxy, &wild, "B.wild.test").await, 200);
    assert_eq!(status(&proxy, &tls(Some("open.wild.test"), None), "a.wild.test").await, 421);
    // A name of its own does not fall to the wildcard above it.
    assert_eq!(status(&proxy, &tls(None, None), "open.wild.test").await, 200);
    // The target goes before the field.
    let request = Request::get("http://mtls.test/").header(HOST, "free.test").body(Body::empty()).unwrap();
    assert_eq!(send(&proxy, &tls(Some("free.test"), None), request).await.status(), 421);
}

#[tokio::test]
async fn a_host_for_the_rest_asks_too() {
    let mut setup = Setup::new();
    setup.routes.push(route("", "/any", "u"));
    setup.policies.push(("", policy(|_| {})));
    let proxy = setup.proxy().await;
    let good = tls(None, Some((policy(|_| {}), Outcome::Success)));
    for (connection, expected) in [(tls(None, None), 421), (good, 404), (plain(), 400)] {
        // Also where no rule matches the path.
        assert_eq!(status(&proxy, &connection, "unknown.test").await, expected);
        let old = Request::get("/").version(Version::HTTP_10).body(Body::empty()).unwrap();
        assert_eq!(send(&proxy, &connection, old).await.status().as_u16(), expected);
    }
}

#[tokio::test]
async fn each_mode_lets_in_whom_it_should() {
    let outcomes = || [Outcome::Success, Outcome::None, failed(true), failed(false)];
    for (mode, expected, without_tls) in [
        (VerifyClient::On, [200, 400, 400, 400], 400),
        (VerifyClient::Optional, [200, 200, 400, 400], 200),
        (VerifyClient::OptionalNoCa, [200, 200, 200, 400], 200),
    ] {
        let asked = policy(|policy| policy.verify = mode);
        let mut setup = Setup::new();
        setup.policies.push(("free.test", asked.clone()));
        let proxy = setup.proxy().await;
        for (outcome, expected) in outcomes().into_iter().zip(expected) {
            let connection = tls(Some("free.test"), Some((asked.clone(), outcome.clone())));
            assert_eq!(status(&proxy, &connection, "free.test").await, expected, "{mode:?} {outcome}");
        }
        assert_eq!(status(&proxy, &plain(), "free.test").await, without_tls, "{mode:?}");
    }
}

#[tokio::test]
async fn pages_say_what_nginx_says() {
    let proxy = Setup::new().proxy().await;
    for (outcome, why) in
        [(Outcome::None, "No required SSL certificate was sent"), (failed(true), "The SSL certificate error")]
    {
        let answer = send(&proxy, &tls(None, Some((strict(), outcome))), get("mtls.test", "/")).await;
        assert!(!answer.headers().contains_key(STRICT_TRANSPORT_SECURITY));
        let page = text(answer).await;
        assert!(page.contains(&format!("<title>400 {why}</title>")), "{page}");
        assert!(page.contains(&format!("<center>{why}</center>\r\n<hr><center>nginx</center>")), "{page}");
    }
    let answer = send(&proxy, &tls(None, None), get("mtls.test", "/")).await;
    assert!(!answer.headers().contains_key("set-cookie"));
    assert!(text(answer).await.contains("<h1>421 Misdirected Request</h1>"));
}

#[tokio::test]
async fn what_could_not_be_made_out_lets_nobody_in() {
    let mut setup = Setup::new();
    setup.routes.retain(|route| route.host != HostPattern::parse("broken.test").unwrap());
    let mut exempt = redirecting(route("broken.test", "/", "u"));
    exempt.https.exempt = true;
    setup.routes.push(exempt);
    let proxy = setup.proxy().await;
    for connection in [plain(), tls(Some("broken.test"), None), tls(None, Some((strict(), Outcome::Success)))]
    {
        assert_eq!(status(&proxy, &connection, "Broken.test:80").await, 403);
    }
}

#[tokio::test]
async fn the_subject_must_match() {
    let on = |text| {
        move |policy: &mut ClientAuth| policy.match_subject = Some(Pattern(regex::Regex::new(text).unwrap()))
    };
    for (pattern, verify, outcome, expected) in [
        ("CN=alice", VerifyClient::On, Outcome::Success, 200),
        ("CN=ali", VerifyClient::On, Outcome::Success, 200),
        ("CN=bob", VerifyClient::On, Outcome::Success, 403),
        ("CN=alice", VerifyClient::On, Outcome::None, 400),
        ("CN=alice", VerifyClient::Optional, Outcome::None, 403),
        ("CN=bob", VerifyClient::OptionalNoCa, failed(true), 403),
    ] {
        let asked = policy(|policy| {
            on(pattern)(policy);
            policy.verify = verify;
        });
        let mut setup = Setup::new();
        setup.policies.push(("free.test", asked.clone()));
        let proxy = setup.proxy().await;
        let answer = send(&proxy, &tls(None, Some((asked, outcome))), get("free.test", "/")).await;
        assert_eq!(answer.status(), expected, "{pattern} {verify:?}");
        if expected == 403 {
            assert_eq!(text(answer).await, "client certificate unauthorized");
        }
    }
}

#[tokio::test]
async fn a_host_may_have_an_error_page() {
    let elsewhere = policy(|policy| policy.error_page = Some("https://help.test/why".into()));
    let own = policy(|policy| policy.error_page = Some("/why?cert".into()));
    let mut setup = Setup::new();
    setup.policies.extend([("free.test", elsewhere.clone()), ("*.wild.test", own.clone())]);
    let proxy = setup.proxy().await;
    let answer =
        send(&proxy, &tls(None, Some((elsewhere.clone(), Outcome::None))), get("free.test", "/x")).await;
    assert_eq!(
        (answer.status(), &answer.headers()[LOCATION]),
        (StatusCode::FOUND, &"https://help.test/why".parse().unwrap())
    );
    // It is not for those whose handshake was for another host.
    assert_eq!(status(&proxy, &tls(None, None), "free.test").await, 421);
    let request = Request::post("/secret?x").header(HOST, "a.wild.test").header("content-length", "3");
    let request = request.body(Body::full("abc")).unwrap();
    let answer = text(send(&proxy, &tls(None, Some((own, failed(false)))), request).await).await;
    assert!(answer.starts_with("GET /why?cert\n"), "{answer}");
    assert!(
        answer.contains("ssl-client-verify: FAILED:bad\n") && !answer.contains("content-length"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_error_page_of_a_host_is_for_subjects_that_match() {
    let asked = policy(|policy| {
        policy.error_page = Some("/why".into());
        policy.match_subject = Some(Pattern(regex::Regex::new("CN=alice").unwrap()));
    });
    let mut setup = Setup::new();
    setup.policies.push(("free.test", asked.clone()));
    let proxy = setup.proxy().await;
    for (outcome, expected) in [(failed(false), 200), (Outcome::None, 403)] {
        let connection = tls(None, Some((asked.clone(), outcome)));
        assert_eq!(status(&proxy, &connection, "free.test").await, expected);
    }
    // Where a tunnel is asked for, a page would look like one.
    let request = Request::connect("https://free.test/chat").version(Version::HTTP_2);
    let request =
        request.extension(hyper::ext::Protocol::from_static("websocket")).body(Body::empty()).unwrap();
    let connection = tls(None, Some((asked, failed(false))));
    assert_eq!(send(&proxy, &connection, request).await.status(), 400);
}

#[tokio::test]
async fn endpoints_are_told_who_the_client_is_by_us_alone() {
    let proxy = Setup::new().proxy().await;
    let names = ["ssl-client-verify", "ssl-client-subject-dn", "ssl-client-issuer-dn", "ssl-client-cert"];
    let spoofed = |host: &str| {
        let mut request = get(host, "/");
        for name in names.iter().chain(&["ssl_client_verify", "ssl-client-fingerprint"]) {
            request.headers_mut().insert(*name, "SPOOFED".parse().unwrap());
        }
        request
    };
    let connection = tls(Some("mtls.test"), Some((strict(), Outcome::Success)));
    let told = text(send(&proxy, &connection, spoofed("mtls.test")).await).await;
    for line in [
        "ssl-client-verify: SUCCESS\n",
        "ssl-client-subject-dn: CN=alice,O=Acme\n",
        "ssl-client-issuer-dn: CN=ca\n",
        "ssl-client-cert: -----BEGIN%20CERTIFICATE-----%0A\n",
    ] {
        assert!(told.contains(line), "{line} {told}");
    }
    assert!(!told.contains("SPOOFED"), "{told}");
    // A host that asks for nothing tells of nothing, also over a connection that has shown something.
    for connection in [connection, plain()] {
        let told = text(send(&proxy, &connection, spoofed("free.test")).await).await;
        assert!(!told.contains("ssl-client") && !told.contains("SPOOFED"), "{told}");
    }
    // The certificate is for those who want it.
    let connection = tls(None, Some((wild(), Outcome::Success)));
    assert!(
        !text(send(&proxy, &connection, get("a.wild.test", "/")).await).await.contains("ssl-client-cert")
    );
}

#[tokio::test]
async fn a_subject_that_is_no_field_is_left_out() {
    let mut client = ClientIdentity::none(strict());
    client.outcome = Outcome::Success;
    client.subject = "CN=a\r\nx-admin: 1".into();
    let connection = plain().with_tls(Tls::new(None, Some(Arc::new(client))));
    let told = text(send(&Setup::new().proxy().await, &connection, get("mtls.test", "/")).await).await;
    assert!(told.contains("ssl-client-verify: SUCCESS\n"), "{told}");
    assert!(!told.contains("ssl-client-subject-dn") && !told.contains("x-admin"), "{told}");
}

#[tokio::test]
async fn plain_requests_are_sent_to_https() {
    let mut setup = Setup::new();
    let (mut large, mut denied, mut exempt) = (
        route("s.test", "/large", "u"),
        route("s.test", "/denied", "u"),
        route("mtls.test", "/.well-known", "u"),
    );
    large.request_body.max_size = Some(1);
    denied.backend = Backend::Denied("no".into());
    exempt.https.exempt = true;
    setup.routes = [
        route("s.test", "/", "u"),
        route("s.test", "/empty", "empty"),
        route("mtls.test", "/r", "u"),
        large,
        denied,
    ]
    .map(redirecting)
    .to_vec();
    setup.routes.extend([route("mtls.test", "/", "u"), exempt]);
    let proxy = setup.proxy().await;
    let sent_to = |answer: Response<Body>| {
        let location = answer.headers().get(LOCATION).map(|location| location.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    };
    for (host, path, status, location) in [
        ("s.test:8080", "/a/?b=/", 308, Some("https://s.test/a/?b=")),
        // Before it is known that nobody is there, but after what is denied.
        ("s.test", "/empty", 308, Some("https://s.test/empty")),
        ("s.test", "/denied", 503, None),
        // A client may do better over TLS; only what an authority asks is answered before.
        ("mtls.test", "/r", 308, Some("https://mtls.test/r")),
        ("mtls.test", "/.well-known/x", 200, None),
        ("mtls.test", "/", 400, None),
    ] {
        let answer = send(&proxy, &plain(), get(host, path)).await;
        assert!(answer.headers().get_all(STRICT_TRANSPORT_SECURITY).iter().all(|value| value == "max-age=1"));
        assert_eq!(sent_to(answer), (status, location.map(str::to_owned)), "{host}{path}");
    }
    let large = Request::post("/large").header(HOST, "s.test").body(Body::full("abc")).unwrap();
    assert_eq!(send(&proxy, &plain(), large).await.status(), 413);
    let secure = [tls(None, None), plain().on_behalf_of(([192, 0, 2, 9], 1).into(), 443)];
    for connection in &secure {
        assert_eq!(status(&proxy, connection, "s.test").await, 200);
    }
    // TLS that ended before us has shown us no certificate.
    let answer = send(&proxy, &secure[1], get("mtls.test", "/r")).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_proxy_before_us_may_speak_for_its_client() {
    let request = |proto: &'static str, host: &str| {
        let mut request = get(host, "/r/");
        for (name, value) in [("proto", proto), ("host", "Public.test:8443, inner"), ("port", "8443")] {
            request.headers_mut().insert(
                http::HeaderName::try_from(format!("x-forwarded-{name}")).unwrap(),
                value.parse().unwrap(),
            );
        }
        request
    };
    let mut setup = Setup::new();
    setup.routes = vec![redirecting(route("s.test", "/", "u")), redirecting(route("mtls.test", "/r", "u"))];
    setup.settings.forwarded.use_forwarded_headers = true;
    setup.settings.forwarded.trusted = vec!["192.0.2.0/24".parse().unwrap()];
    let proxy = setup.proxy().await;
    let told = text(send(&proxy, &plain(), request("HTTPS", "s.test")).await).await;
    for line in [
        "x-forwarded-proto: https\n",
        "x-forwarded-scheme: https\n",
        "x-scheme: https\n",
        "x-forwarded-port: 8443\n",
        "host: Public.test:8443\n",
    ] {
        assert!(told.contains(line), "{line} {told}");
    }
    let answer = send(&proxy, &plain(), request("http", "s.test")).await;
    assert_eq!(answer.headers()[LOCATION], "https://Public.test/r");
    // Also over TLS of ours: what counts is how the client came to the first proxy.
    assert_eq!(send(&proxy, &tls(None, None), request("http", "s.test")).await.status(), 308);
    // Its word is no certificate.
    assert_eq!(send(&proxy, &plain(), request("https", "mtls.test")).await.status(), 400);
    // Somebody who is not believed.
    let stranger = Connection::new(([198, 51, 100, 1], 1).into(), 80);
    let answer = send(&proxy, &stranger, request("https", "s.test")).await;
    assert_eq!(answer.headers()[LOCATION], "https://s.test/r");
    let told =
        text(send(&proxy, &stranger.with_tls(Tls::new(None, None)), request("http", "s.test")).await).await;
    assert!(
        told.contains("x-forwarded-proto: https\n") && told.contains("x-forwarded-port: 443\n"),
        "{told}"
    );
}

#[tokio::test]
async fn answers_over_tls_say_that_tls_is_to_stay() {
    let mut setup = Setup::new();
    setup.routes.push(route("free.test", "/empty", "empty"));
    setup.settings.http3 = true;
    setup.config.http3_port = Some(443);
    let proxy = setup.proxy().await;
    let connection = tls(None, None);
    for (host, path, status, said) in [
        ("free.test", "/", 200, true),
        ("free.test", "/empty", 503, true),
        ("unknown.test", "/", 404, true),
        ("mtls.test", "/", 421, false),
        ("free.test", "/%00", 400, false),
    ] {
        let answer = send(&proxy, &connection, get(host, path)).await;
        let field = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(answer.status(), status, "{host}{path}");
        assert_eq!(field("strict-transport-security"), said.then_some("max-age=31536000; includeSubDomains"));
        assert_eq!(field("alt-svc"), said.then_some("h3=\":443\"; ma=86400"), "{host}{path}");
        let answer = send(&proxy, &plain(), get(host, path)).await;
        assert!(!answer.headers().contains_key("alt-svc"), "{host}{path}");
    }
    // Over HTTP/3 a host with client certificates is not to be had.
    let good = tls(None, Some((strict(), Outcome::Success)));
    let answer = send(&proxy, &good, get("mtls.test", "/")).await;
    assert!(
        answer.headers().contains_key("strict-transport-security")
            && !answer.headers().contains_key("alt-svc")
    );
}

#[derive(Debug, Default, Clone)]
struct Statuses(Arc<Mutex<Vec<u16>>>);

impl Observer for Statuses {
    fn finished(&mut self, request: &Finished<'_>) {
        self.0.lock().unwrap().push(request.status);
    }
}

#[tokio::test]
async fn clients_of_grpc_get_a_status_of_grpc() {
    let mut setup = Setup::new();
    setup.routes.extend([route("free.test", "/empty", "empty"), redirecting(route("free.test", "/r", "u"))]);
    let statuses = Statuses::default();
    let proxy = setup.proxy().await.with_observer(Box::new(statuses.clone()));
    let call = |host: &str, path: &str| {
        let uri = format!("http://{host}{path}");
        let request =
            Request::post(uri).version(Version::HTTP_2).header(CONTENT_TYPE, "application/grpc+proto");
        request.body(Body::empty()).unwrap()
    };
    for (host, path, grpc, http) in [
        ("free.test", "/empty", "14", 503),
        ("unknown.test", "/a.Service/Call", "12", 404),
        ("mtls.test", "/", "2", 421),
        ("broken.test", "/", "7", 403),
        ("free.test", "/%00", "13", 400),
    ] {
        let answer = send(&proxy, &tls(None, None), call(host, path)).await;
        assert_eq!(answer.status(), 200, "{host}{path}");
        assert_eq!(
            (&answer.headers()["grpc-status"], &answer.headers()[CONTENT_TYPE]),
            (&grpc.parse().unwrap(), &"application/grpc".parse().unwrap())
        );
        assert!(answer.headers().contains_key("grpc-message"));
        assert_eq!(text(answer).await, "");
        assert_eq!(std::mem::take(&mut *statuses.0.lock().unwrap()), [http]);
    }
    // What an endpoint says is not touched, and a redirect stays one.
    let answer = send(&proxy, &plain(), call("free.test", "/")).await;
    assert!(!answer.headers().contains_key("grpc-status") && text(answer).await.starts_with("POST /\n"));
    assert_eq!(send(&proxy, &plain(), call("free.test", "/r")).await.status(), 308);
}
