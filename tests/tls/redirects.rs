//! From plain HTTP to HTTPS, and what keeps clients there.

use harness::{Authority, H2, Harness, Manifests, Tls, Upstream, start};

use crate::start_set;

/// `tls.test` has a TLS section, `bare.test` has none; `annotate` adds to both.
fn hosts(upstream: &Upstream, annotate: impl Fn(Manifests) -> Manifests) -> Manifests {
    let manifests = annotate(Manifests::new().ingress("tls")).host("tls.test").prefix("/", "web", 80);
    let manifests = manifests.tls(&["tls.test"], "tls").ingress("bare");
    annotate(manifests)
        .host("bare.test")
        .prefix("/", "web", 80)
        .service("web", [upstream])
        .tls_secret("tls", &Authority::new("root").server(&["tls.test"]))
}

/// The status of a plain GET of this target of this host, and where it leads.
async fn sent(harness: &Harness, host: &str, target: &str) -> (u16, Option<String>) {
    let answer = harness.get(host, target).await;
    assert_eq!(answer.header("strict-transport-security"), None, "{answer:?}");
    (answer.status, answer.header("location").map(str::to_owned))
}

fn to(status: u16, location: &str) -> (u16, Option<String>) {
    (status, Some(location.to_owned()))
}

#[tokio::test]
async fn a_host_with_a_certificate_is_sent_to_https() {
    let upstream = Upstream::named("web").await;
    let harness = start(&hosts(&upstream, |manifests| manifests)).await;
    for (host, target, location) in [
        ("tls.test", "/", "https://tls.test"),
        ("tls.test", "/a/?b=/", "https://tls.test/a/?b="),
        ("tls.test", "/a/", "https://tls.test/a"),
        ("tls.test", "/a//b?c=%20#", "https://tls.test/a//b?c=%20"),
        ("tls.test:8080", "/x", "https://tls.test/x"),
        ("TLS.test", "/x", "https://TLS.test/x"),
    ] {
        let target = target.trim_end_matches('#');
        assert_eq!(sent(&harness, host, target).await, to(308, location), "{host} {target}");
    }
    assert_eq!(sent(&harness, "bare.test", "/").await, (200, None));
    let post = harness.send("POST /x HTTP/1.1\r\nHost: tls.test\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!((post.status, post.header("location")), (308, Some("https://tls.test/x")));
    assert!(upstream.requests().iter().all(|got| got.header("host") == Some("bare.test")));
    let answer = Tls::any().connect(harness.https(), "tls.test").await.get("tls.test", "/").await;
    assert_eq!(answer.status, 200);
    let got = upstream.requests().pop().unwrap();
    for (name, value) in [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-scheme", "https"),
        ("x-scheme", "https"),
        ("x-forwarded-port", "443"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn annotations_decide() {
    let upstream = Upstream::named("web").await;
    for (name, value, of_tls, of_bare) in [
        ("ssl-redirect", "false", (200, None), (200, None)),
        ("force-ssl-redirect", "true", to(308, "https://tls.test/x"), to(308, "https://bare.test/x")),
        ("ssl-redirect", "perhaps", to(308, "https://tls.test/x"), (200, None)),
    ] {
        let harness = start(&hosts(&upstream, |manifests| manifests.nginx(name, value))).await;
        assert_eq!(sent(&harness, "tls.test", "/x").await, of_tls, "{name}: {value}");
        assert_eq!(sent(&harness, "bare.test", "/x").await, of_bare, "{name}: {value}");
    }
    let harness =
        start(&hosts(&upstream, |manifests| manifests.nginx("preserve-trailing-slash", "true"))).await;
    assert_eq!(sent(&harness, "tls.test", "/").await, to(308, "https://tls.test/"));
    assert_eq!(sent(&harness, "tls.test", "/a/?b=/").await, to(308, "https://tls.test/a/?b=/"));
}

#[tokio::test]
async fn settings_decide_for_all() {
    let upstream = Upstream::named("web").await;
    for (settings, of_tls, of_bare) in [
        (&[("ssl-redirect", "false")][..], (200, None), (200, None)),
        (&[("force-ssl-redirect", "true")], to(308, "https://tls.test/x"), to(308, "https://bare.test/x")),
        (&[("http-redirect-code", "301")], to(301, "https://tls.test/x"), (200, None)),
        (&[("http-redirect-code", "302")], to(302, "https://tls.test/x"), (200, None)),
        (&[("http-redirect-code", "307")], to(307, "https://tls.test/x"), (200, None)),
        (&[("http-redirect-code", "200")], to(308, "https://tls.test/x"), (200, None)),
        (&[("use-port-in-redirects", "true")], to(308, "https://tls.test:443/x"), (200, None)),
        (&[("no-tls-redirect-locations", "/")], (200, None), (200, None)),
    ] {
        let harness = start_set(hosts(&upstream, |manifests| manifests), settings).await;
        assert_eq!(sent(&harness, "tls.test", "/x").await, of_tls, "{settings:?}");
        assert_eq!(sent(&harness, "bare.test", "/x").await, of_bare, "{settings:?}");
    }
    let bad = start_set(hosts(&upstream, |manifests| manifests), &[("http-redirect-code", "200")]).await;
    bad.finding(&["http-redirect-code", "200"]);
}

#[tokio::test]
async fn what_a_trusted_proxy_says_of_the_scheme_counts() {
    let upstream = Upstream::named("web").await;
    let ask = async |harness: &Harness, lines: &str| {
        let answer = harness.send(format!("GET /x HTTP/1.1\r\nHost: tls.test\r\n{lines}\r\n")).await;
        (answer.status, answer.header("location").map(str::to_owned))
    };
    let (https, host) = ("X-Forwarded-Proto: https\r\n", "X-Forwarded-Host: public.test, inner.test\r\n");
    let harness = start(&hosts(&upstream, |manifests| manifests)).await;
    assert_eq!(ask(&harness, https).await, to(308, "https://tls.test/x"), "nobody is believed");
    let harness =
        start_set(hosts(&upstream, |manifests| manifests), &[("use-forwarded-headers", "true")]).await;
    assert_eq!(ask(&harness, https).await, (200, None));
    assert_eq!(ask(&harness, "X-Forwarded-Proto: http\r\n").await, to(308, "https://tls.test/x"));
    assert_eq!(ask(&harness, host).await, to(308, "https://public.test/x"));
    // Neither of them makes a page of ours one over TLS.
    let answer = harness.send(format!("GET /x HTTP/1.1\r\nHost: tls.test\r\n{https}\r\n")).await;
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https() {
    let setting = Upstream::answering(
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let hosts = || hosts(&setting, |manifests| manifests);
    let default = "max-age=31536000; includeSubDomains";
    for (settings, expected) in [
        (&[][..], Some(default)),
        (&[("hsts-max-age", "60")], Some("max-age=60; includeSubDomains")),
        (&[("hsts-include-subdomains", "false")], Some("max-age=31536000")),
        (&[("hsts-preload", "true")], Some("max-age=31536000; includeSubDomains; preload")),
    ] {
        let harness = start_set(hosts(), settings).await;
        let tls = Tls::any();
        for (host, status) in [("tls.test", 200), ("bare.test", 200), ("unknown.test", 404)] {
            let answer = tls.connect(harness.https(), host).await.get(host, "/").await;
            assert_eq!(answer.status, status, "{host}");
            assert_eq!(answer.header("strict-transport-security"), expected, "{settings:?} {host}");
        }
        let h2 = H2::connect_tls(&tls, harness.https(), "tls.test").await;
        let answer = h2.get("https://tls.test/").await;
        assert_eq!(answer.headers()["strict-transport-security"], expected.unwrap());
        let plain = harness.get("bare.test", "/").await;
        assert_eq!(plain.header("strict-transport-security"), Some("max-age=1"), "plain HTTP is left alone");
    }
    let harness = start_set(hosts(), &[("hsts", "false")]).await;
    let answer = Tls::any().connect(harness.https(), "tls.test").await.get("unknown.test", "/").await;
    assert_eq!(answer.header("strict-transport-security"), None);
}
