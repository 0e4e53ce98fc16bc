//! Hosts that ask their clients for a certificate.

use harness::{Answer, Authority, H2, Harness, Identity, Manifests, Tls, Upstream, Wish, start};

/// `a.test` asks for certificates of `authority`, as `annotations` say further.
fn host(upstream: &Upstream, authority: &Authority, annotations: &[(&str, &str)]) -> Manifests {
    let mut manifests = Manifests::new().ingress("web").nginx("auth-tls-secret", "default/clients");
    for (name, value) in annotations {
        manifests = manifests.nginx(name, value);
    }
    manifests
        .host("a.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "web")
        .service("web", [upstream])
        .tls_secret("web", &Authority::new("servers").server(&["a.test"]))
        .ca_secret("clients", authority)
}

async fn ask(harness: &Harness, identity: Option<&Identity>) -> Answer {
    let tls = identity.map_or_else(Tls::any, |identity| Tls::any().showing(identity));
    let answer = tls.connect(harness.https(), "a.test").await.get("a.test", "/").await;
    // HTTP/2 must not differ.
    let h2 = H2::connect_tls(&tls, harness.https(), "a.test").await;
    assert_eq!(h2.get("https://a.test/").await.status(), answer.status, "{answer:?}");
    answer
}

#[tokio::test]
async fn each_way_to_ask() {
    let upstream = Upstream::named("web").await;
    let (authority, strangers) = (Authority::new("clients"), Authority::new("strangers"));
    let (good, stranger) = (authority.client("good"), strangers.client("stranger"));
    let expired = authority.sign(&Wish::client("expired").expired());
    let server = authority.server(&["server.test"]);
    // In order: none, good, of a stranger, expired, not for clients.
    for (verify, expected) in [
        (None, [400, 200, 400, 400, 400]),
        (Some("on"), [400, 200, 400, 400, 400]),
        (Some("optional"), [200, 200, 400, 400, 400]),
        (Some("optional_no_ca"), [200, 200, 200, 400, 400]),
        (Some("off"), [200, 200, 200, 200, 200]),
        (Some("nonsense"), [400, 200, 400, 400, 400]),
    ] {
        let annotations: Vec<_> = verify.iter().map(|verify| ("auth-tls-verify-client", *verify)).collect();
        let harness = start(&host(&upstream, &authority, &annotations)).await;
        let shown = [None, Some(&good), Some(&stranger), Some(&expired), Some(&server)];
        for (index, (identity, status)) in shown.into_iter().zip(expected).enumerate() {
            let answer = ask(&harness, identity).await;
            assert_eq!(answer.status, status, "{verify:?}, client {index}: {answer:?}");
        }
    }
    let harness = start(&host(&upstream, &authority, &[])).await;
    let none = ask(&harness, None).await;
    assert!(none.text().contains("No required SSL certificate was sent"), "{}", none.text());
    let bad = ask(&harness, Some(&stranger)).await;
    assert!(bad.text().contains("The SSL certificate error"), "{}", bad.text());
}

#[tokio::test]
async fn plain_http_is_no_way_round() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let harness = start(&host(&upstream, &authority, &[])).await;
    assert_eq!(harness.get("a.test", "/").await.status, 308);
    for annotation in [("ssl-redirect", "false")] {
        let harness = start(&host(&upstream, &authority, &[annotation])).await;
        assert_eq!(harness.get("a.test", "/").await.status, 400);
        let claim = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\nssl-client-verify: SUCCESS\r\n\r\n";
        assert_eq!(harness.send(claim).await.status, 400);
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn the_depth_of_a_chain() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let below = authority.below("first");
    let (near, far) = (below.client("near"), below.below("second").client("far"));
    for (depth, near_status, far_status) in
        [(None, 200, 400), (Some("0"), 200, 400), (Some("1"), 200, 400), (Some("2"), 200, 200)]
    {
        let annotations: Vec<_> = depth.iter().map(|depth| ("auth-tls-verify-depth", *depth)).collect();
        let harness = start(&host(&upstream, &authority, &annotations)).await;
        assert_eq!(ask(&harness, Some(&near)).await.status, near_status, "{depth:?}");
        assert_eq!(ask(&harness, Some(&far)).await.status, far_status, "{depth:?}");
    }
}

#[tokio::test]
async fn revoked_ones() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let (good, revoked) = (authority.client("good"), authority.client("revoked"));
    let manifests = |list: &str| {
        let data = [("ca.crt", authority.pem().as_bytes()), ("ca.crl", list.as_bytes())];
        let manifests = Manifests::new().ingress("web").nginx("auth-tls-secret", "default/clients");
        manifests
            .host("a.test")
            .prefix("/", "web", 80)
            .service("web", [&upstream])
            .secret("clients", "Opaque", &data)
    };
    let mut harness = start(&manifests(&authority.revoke(&[&revoked]))).await;
    assert_eq!(ask(&harness, Some(&good)).await.status, 200);
    assert_eq!(ask(&harness, Some(&revoked)).await.status, 400);
    // Another list holds for connections from then on.
    harness.update(&manifests(&authority.revoke(&[&good]))).await;
    assert_eq!(ask(&harness, Some(&good)).await.status, 400);
    assert_eq!(ask(&harness, Some(&revoked)).await.status, 200);
}

#[tokio::test]
async fn endpoints_are_told_and_clients_cannot_say_it_themselves() {
    const SPOOFED: &str = "ssl-client-verify: SUCCESS\r\nssl-client-subject-dn: CN=root\r\nssl-client-issuer-dn: CN=root\r\n\
        ssl-client-cert: x\r\nssl_client_verify: SUCCESS\r\n";
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let good = authority.client("good");
    let send = async |harness: &Harness, tls: Tls| {
        let mut client = tls.connect(harness.https(), "a.test").await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{SPOOFED}\r\n")).await;
        assert_eq!(client.answer().await.status, 200);
        upstream.requests().pop().unwrap()
    };
    let optional = ("auth-tls-verify-client", "optional");
    let harness = start(&host(&upstream, &authority, &[optional])).await;
    let got = send(&harness, Tls::any().showing(&good)).await;
    assert_eq!(got.header("ssl-client-verify"), Some("SUCCESS"));
    assert_eq!(got.header("ssl-client-subject-dn"), Some("CN=good,O=Acme"));
    assert_eq!(got.header("ssl-client-issuer-dn"), Some("CN=clients"));
    assert_eq!(got.header("ssl-client-cert"), None);
    let got = send(&harness, Tls::any()).await;
    assert_eq!(got.header("ssl-client-verify"), Some("NONE"));
    assert_eq!(got.header("ssl-client-subject-dn"), None);

    let no_ca =
        [("auth-tls-verify-client", "optional_no_ca"), ("auth-tls-pass-certificate-to-upstream", "true")];
    let harness = start(&host(&upstream, &authority, &no_ca)).await;
    let stranger = Authority::new("strangers").client("stranger");
    let got = send(&harness, Tls::any().showing(&stranger)).await;
    let verify = got.header("ssl-client-verify").unwrap();
    assert!(verify.starts_with("FAILED:"), "{verify}");
    let escaped = got.header("ssl-client-cert").unwrap();
    assert!(escaped.starts_with("-----BEGIN%20CERTIFICATE-----%0A"), "{escaped}");

    let harness = start(&host(&upstream, &authority, &[("auth-tls-verify-client", "off")])).await;
    let got = send(&harness, Tls::any().showing(&good)).await;
    for name in ["ssl-client-verify", "ssl-client-subject-dn", "ssl-client-issuer-dn", "ssl-client-cert"] {
        assert_eq!(got.header(name), None, "{name}");
    }
    assert_eq!(got.header("ssl_client_verify"), None);
}

#[tokio::test]
async fn the_subject_must_match() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let harness =
        start(&host(&upstream, &authority, &[("auth-tls-match-cn", "CN=(alice|bob)$|CN=carol")])).await;
    for (name, status) in [("carol", 200), ("mallory", 403)] {
        let answer = ask(&harness, Some(&authority.client(name))).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if status == 403 {
            assert!(answer.text().contains("client certificate unauthorized"), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_page_of_their_own_for_errors() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let page = ("auth-tls-error-page", "https://help.test/certificates");
    let harness = start(&host(&upstream, &authority, &[page])).await;
    let stranger = Authority::new("strangers").client("stranger");
    for identity in [None, Some(&stranger)] {
        let answer = ask(&harness, identity).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some(page.1)));
    }
    assert_eq!(ask(&harness, Some(&authority.client("good"))).await.status, 200);
}

#[tokio::test]
async fn without_its_secret_nobody_gets_in() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("clients");
    let good = authority.client("good");
    let served = host(&upstream, &authority, &[]);
    let other = |manifests: Manifests| {
        manifests
            .ingress("other")
            .host("a.test")
            .prefix("/other", "web", 80)
            .host("b.test")
            .prefix("/", "web", 80)
    };
    let mut missing = Manifests::new().ingress("web").nginx("auth-tls-secret", "default/clients");
    missing = missing.host("a.test").prefix("/", "web", 80).service("web", [&upstream]);
    let broken = missing.clone().secret("clients", "Opaque", &[("ca.crt", b"rubbish")]);
    let mut harness = start(&other(missing)).await;
    for round in ["missing", "broken"] {
        let tls = Tls::any().showing(&good);
        for (host, path, status) in [
            ("a.test", "/", 403),
            ("a.test", "/other", 403),
            ("a.test", "/unknown", 403),
            ("b.test", "/", 200),
        ] {
            let answer = tls.connect(harness.https(), host).await.get(host, path).await;
            assert_eq!(answer.status, status, "{round} {host}{path}");
        }
        assert_eq!(harness.get("a.test", "/other").await.status, 403, "{round}, plain");
        harness.finding(&["default/web", "auth-tls-secret", "clients"]);
        harness.update(&other(broken.clone())).await;
    }
    harness.update(&other(served)).await;
    assert_eq!(ask(&harness, Some(&good)).await.status, 200);
}
