//! Versions, ciphers, and names that get no handshake.

use harness::{Algorithm, Authority, Client, H2, Harness, Manifests, Tls, Upstream, Wish, command, start};
use rustls::CipherSuite;
use rustls::version::{TLS12, TLS13};

use crate::start_set;

fn web(upstream: &Upstream, authority: &Authority) -> Manifests {
    let identity = authority.sign(&Wish::server(&["a.test"]).of(Algorithm::Rsa));
    Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "web")
        .service("web", [upstream])
        .tls_secret("web", &identity)
}

async fn speaks(harness: &Harness, tls: &Tls) -> bool {
    tls.try_connect(harness.https(), "a.test").await.is_ok()
}

#[tokio::test]
async fn protocols_can_be_chosen() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let (old, new) = (Tls::any_with(&[&TLS12], None), Tls::any_with(&[&TLS13], None));
    for (protocols, takes_old, takes_new) in
        [("TLSv1.2 TLSv1.3", true, true), ("TLSv1.2", true, false), ("TLSv1.3", false, true)]
    {
        let harness = start_set(web(&upstream, &authority), &[("ssl-protocols", protocols)]).await;
        let speaks = (speaks(&harness, &old).await, speaks(&harness, &new).await);
        assert_eq!(speaks, (takes_old, takes_new), "{protocols}");
    }
    // What is not safe is not spoken, whoever asks for it; it is told.
    let harness = start_set(web(&upstream, &authority), &[("ssl-protocols", "TLSv1 TLSv1.1 TLSv1.2")]).await;
    assert!(speaks(&harness, &old).await && !speaks(&harness, &new).await);
    assert!(harness.findings().iter().any(|finding| finding.contains("TLSv1.1")), "{:?}", harness.findings());
    let address = harness.https().to_string();
    let flags = ["s_client", "-connect", &address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let output = command("openssl", &flags, "").await;
    assert!(!output.success && output.out.contains("no peer certificate available"), "{output:?}");
}

#[tokio::test]
async fn ciphers_can_be_chosen() {
    const CHACHA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256;
    const AES: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let settings = [("ssl-ciphers", "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-NONSENSE")];
    let harness = start_set(web(&upstream, &authority), &settings).await;
    assert!(speaks(&harness, &Tls::any_with(&[&TLS12], Some(CHACHA))).await);
    assert!(!speaks(&harness, &Tls::any_with(&[&TLS12], Some(AES))).await);
    harness.finding(&["ssl-ciphers", "ECDHE-RSA-NONSENSE"]);

    // Ours come first, in our order.
    let settings = [("ssl-ciphers", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305")];
    let harness = start_set(web(&upstream, &authority), &settings).await;
    let address = harness.https().to_string();
    let prefers = "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384";
    let flags = ["s_client", "-connect", &address, "-servername", "a.test", "-tls1_2", "-cipher", prefers];
    let output = command("openssl", &flags, "Q\n").await;
    assert!(output.out.contains("Cipher is ECDHE-RSA-AES256-GCM-SHA384"), "{output:?}");
}

#[tokio::test]
async fn a_host_can_have_ciphers_of_its_own() {
    const CHACHA: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256;
    const AES: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let manifests = web(&upstream, &authority).nginx("ssl-ciphers", "ECDHE-RSA-AES256-GCM-SHA384");
    let other = authority.sign(&Wish::server(&["b.test"]).of(Algorithm::Rsa));
    let manifests = manifests
        .ingress("other")
        .host("b.test")
        .prefix("/", "web", 80)
        .tls(&["b.test"], "other")
        .tls_secret("other", &other);
    let harness = start(&manifests).await;
    for (host, cipher, taken) in
        [("a.test", AES, true), ("a.test", CHACHA, false), ("b.test", AES, true), ("b.test", CHACHA, true)]
    {
        let client = Tls::any_with(&[&TLS12], Some(cipher)).try_connect(harness.https(), host).await;
        assert_eq!(client.is_ok(), taken, "{host} {cipher:?}");
    }
}

#[tokio::test]
async fn unknown_names_can_be_refused() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start_set(web(&upstream, &authority), &[("ssl-reject-handshake", "true")]).await;
    assert!(Tls::any().try_connect(harness.https(), "a.test").await.is_ok());
    let refused = [
        Tls::any().try_connect(harness.https(), "unknown.test").await,
        Tls::any().without_sni().try_connect(harness.https(), "a.test").await,
    ];
    for refused in refused {
        let error = refused.expect_err("no handshake");
        assert!(error.to_string().to_lowercase().contains("unrecognisedname"), "{error}");
    }
}

#[tokio::test]
async fn http_2_is_chosen_unless_it_is_off() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = start(&web(&upstream, &authority)).await;
    let both = Tls::any().alpn(&["http/1.1", "h2"]);
    for (tls, expected) in
        [(both.clone(), Some("h2")), (Tls::any().alpn(&["http/1.1"]), Some("http/1.1")), (Tls::any(), None)]
    {
        let client = tls.connect(harness.https(), "a.test").await;
        assert_eq!(client.agreed().alpn.as_deref(), expected);
    }
    let h2 = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
    assert_eq!(h2.get("https://a.test/").await.status(), 200);
    // Without a choice, it is HTTP/1.1 that is spoken.
    let mut client = Tls::any().connect(harness.https(), "a.test").await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!client.closed().await.windows(3).any(|bytes| bytes == b"\0\0\x12"), "no SETTINGS");

    let harness = start_set(web(&upstream, &authority), &[("use-http2", "false")]).await;
    let mut client = both.connect(harness.https(), "a.test").await;
    assert_eq!(client.agreed().alpn.as_deref(), Some("http/1.1"));
    assert_eq!(client.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn plain_http_on_the_port_of_https_gets_a_page() {
    let upstream = Upstream::named("web").await;
    let harness = start(&web(&upstream, &Authority::new("root"))).await;
    let mut client = Client::connect(harness.https()).await;
    let answer = client.get("a.test", "/").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("The plain HTTP request was sent to HTTPS port"), "{}", answer.text());
    assert_eq!(client.closed().await, b"");
    // And the other way round.
    let plain = Tls::any().try_connect(harness.address(), "a.test").await;
    assert!(plain.is_err());
    assert_eq!(upstream.count(), 0);
}
