//! What proxies before us say of the client, and when it is believed.

use harness::{Recorded, Upstream, one, serve_set};
use ingress_core::Settings;

/// Sends one GET with these header lines from 127.0.0.1, and returns what the endpoint got.
async fn forwarded(settings: Settings, lines: &str) -> Recorded {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), settings).await;
    let answer = harness.send(format!("GET /a//b?c=%20 HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    upstream.only_request()
}

fn believing() -> Settings {
    let mut settings = Settings::default();
    settings.forwarded.use_forwarded_headers = true;
    settings
}

const CLAIMS: &str = "X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-Host: public.test:8443, inner.test\r\n\
    X-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\n";

fn assert_headers(got: &Recorded, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        assert_eq!(got.header(name), *value, "{name}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let got = forwarded(believing(), CLAIMS).await;
    assert_headers(
        &got,
        &[
            ("Host", Some("public.test:8443")),
            ("X-Real-IP", Some("1.1.1.1")),
            ("X-Forwarded-For", Some("1.1.1.1")),
            ("X-Forwarded-Host", Some("public.test:8443")),
            ("X-Forwarded-Port", Some("8443")),
            ("X-Forwarded-Proto", Some("https")),
            ("X-Forwarded-Scheme", Some("https")),
            ("X-Scheme", Some("https")),
            ("X-Original-Forwarded-For", Some("1.1.1.1, 2.2.2.2")),
            ("X-Original-Forwarded-Host", Some("public.test:8443, inner.test")),
            ("X-Original-URI", None),
        ],
    );
}

#[tokio::test]
async fn what_else_a_proxy_tells_passes_only_from_a_trusted_one() {
    let told = "X-Forwarded-User: alice\r\nX-Forwarded-Prefix: /shop\r\n";
    let passed = [("X-Forwarded-User", Some("alice")), ("X-Forwarded-Prefix", Some("/shop"))];
    assert_headers(&forwarded(believing(), told).await, &passed);
    let mut elsewhere = believing();
    elsewhere.forwarded.trusted = vec!["10.0.0.0/8".parse().unwrap()];
    for settings in [Settings::default(), elsewhere] {
        assert_headers(&forwarded(settings, told).await, &passed.map(|(name, _)| (name, None)));
    }
}

#[tokio::test]
async fn somebody_else_is_not() {
    let mut settings = believing();
    settings.forwarded.trusted = vec!["10.0.0.0/8".parse().unwrap()];
    settings.forwarded.compute_full_forwarded_for = true;
    let got = forwarded(settings, CLAIMS).await;
    assert_headers(
        &got,
        &[
            ("Host", Some("a.test")),
            ("X-Real-IP", Some("127.0.0.1")),
            ("X-Forwarded-For", Some("127.0.0.1")),
            ("X-Forwarded-Host", Some("a.test")),
            ("X-Forwarded-Proto", Some("http")),
            ("X-Original-Forwarded-For", Some("1.1.1.1, 2.2.2.2")),
        ],
    );
    assert_ne!(got.header("X-Forwarded-Port"), Some("8443"));
}

#[tokio::test]
async fn the_route_is_that_of_the_host_header() {
    let upstream = Upstream::named("web").await;
    let harness = serve_set(&one(&upstream), believing()).await;
    let answer = harness.send("GET / HTTP/1.1\r\nHost: other.test\r\nX-Forwarded-Host: a.test\r\n\r\n").await;
    assert_eq!(answer.status, 404);
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn the_peer_can_be_added_to_the_list() {
    let mut settings = believing();
    settings.forwarded.compute_full_forwarded_for = true;
    let got = forwarded(settings.clone(), "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n").await;
    assert_headers(
        &got,
        &[("X-Forwarded-For", Some("1.1.1.1, 2.2.2.2, 127.0.0.1")), ("X-Real-IP", Some("1.1.1.1"))],
    );
    assert_eq!(forwarded(settings, "").await.header("X-Forwarded-For"), Some("127.0.0.1"));
}

#[tokio::test]
async fn the_headers_can_have_other_names() {
    let mut settings = believing();
    settings.forwarded.header = "cf-connecting-ip".parse().unwrap();
    settings.forwarded.host_header = "x-public-host".parse().unwrap();
    let lines = "CF-Connecting-IP: 2001:db8::1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Public-Host: p.test\r\n";
    let got = forwarded(settings, lines).await;
    assert_headers(
        &got,
        &[
            ("X-Forwarded-For", Some("2001:db8::1")),
            ("X-Original-Forwarded-For", Some("2001:db8::1")),
            ("X-Original-Forwarded-Host", Some("p.test")),
            ("X-Forwarded-Host", Some("a.test")),
        ],
    );
}

#[tokio::test]
async fn the_address_alone_can_be_believed() {
    let mut settings = Settings::default();
    settings.forwarded.enable_real_ip = true;
    let got = forwarded(settings, CLAIMS).await;
    assert_headers(
        &got,
        &[
            ("X-Real-IP", Some("1.1.1.1")),
            ("X-Forwarded-For", Some("1.1.1.1")),
            ("Host", Some("a.test")),
            ("X-Forwarded-Host", Some("a.test")),
            ("X-Forwarded-Proto", Some("http")),
        ],
    );
}

#[tokio::test]
async fn what_is_malformed_is_not_believed() {
    for lines in [
        "X-Forwarded-Host: a b\r\nX-Forwarded-Port: +443\r\nX-Forwarded-Proto: javascript\r\n",
        "X-Forwarded-Host: a.test/../\r\nX-Forwarded-Port: 65536\r\nX-Forwarded-Proto: https;x\r\n",
        "X-Forwarded-Host: , x\r\nX-Forwarded-Port: 0\r\nX-Forwarded-Proto: \r\n",
        "X-Forwarded-Host: user@x\r\nX-Forwarded-Port: \r\n",
    ] {
        let got = forwarded(believing(), lines).await;
        assert_headers(
            &got,
            &[
                ("Host", Some("a.test")),
                ("X-Forwarded-Host", Some("a.test")),
                ("X-Forwarded-Proto", Some("http")),
            ],
        );
        let port = got.header("X-Forwarded-Port").unwrap();
        assert!(port.len() > 3 && port != "65536", "{port}");
    }
}

#[tokio::test]
async fn the_target_as_it_was_sent_can_be_told() {
    let mut settings = Settings::default();
    settings.forwarded.add_original_uri = true;
    let got = forwarded(settings, "X-Original-URI: /evil\r\n").await;
    assert_eq!(got.header("X-Original-URI"), Some("/a//b?c=%20"));
}
