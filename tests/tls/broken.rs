//! Certificates that cannot be used, or should not be: they are told of, and nobody else suffers.

use harness::{Authority, Identity, Manifests, Tls, Upstream, Wish, start};

fn with(upstream: &Upstream, authority: &Authority) -> (Manifests, Identity) {
    let good = authority.server(&["good.test"]);
    let manifests = Manifests::new()
        .ingress("good")
        .host("good.test")
        .prefix("/", "web", 80)
        .tls(&["good.test"], "good")
        .ingress("bad")
        .host("bad.test")
        .prefix("/", "web", 80)
        .tls(&["bad.test"], "bad")
        .service("web", [upstream])
        .tls_secret("good", &good);
    (manifests, good)
}

/// Serves what `spoil` adds as the Secret `bad`; expects the default certificate for its host, a finding with these texts, and everything
/// else as if nothing were wrong.
async fn default_stands_in(spoil: impl FnOnce(Manifests, &Authority) -> Manifests, texts: &[&str]) {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let (manifests, good) = with(&upstream, &authority);
    let harness = start(&spoil(manifests, &authority)).await;
    let mut neighbour = Tls::trusting(&authority).connect(harness.https(), "good.test").await;
    assert_eq!(neighbour.agreed().certificate(), good.certificate());
    assert_eq!(neighbour.get("good.test", "/").await.text(), "web");
    let mut client = Tls::any().connect(harness.https(), "bad.test").await;
    let default = Tls::any().connect(harness.https(), "unknown.test").await;
    assert_eq!(client.agreed().certificate(), default.agreed().certificate(), "{texts:?}");
    assert_eq!(client.get("bad.test", "/").await.text(), "web");
    // It counts as one with a certificate all the same.
    assert_eq!(harness.get("bad.test", "/x").await.status, 308);
    let finding = harness.finding(texts);
    assert!(!finding.contains("PRIVATE KEY"), "{finding}");
}

#[tokio::test]
async fn a_secret_that_is_missing() {
    default_stands_in(|manifests, _| manifests, &["default/bad"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let spoil = |manifests: Manifests, authority: &Authority| {
        manifests.tls_secret("bad", &authority.server(&["elsewhere.test"]))
    };
    default_stands_in(spoil, &["default/bad", "bad.test", "elsewhere.test"]).await;
}

#[tokio::test]
async fn the_key_of_another_certificate() {
    let spoil = |manifests: Manifests, authority: &Authority| {
        let (one, other) = (authority.server(&["bad.test"]), authority.server(&["bad.test"]));
        let (chain, key) = (one.chain_pem.as_bytes(), other.key_pem.as_bytes());
        manifests.secret("bad", "kubernetes.io/tls", &[("tls.crt", chain), ("tls.key", key)])
    };
    default_stands_in(spoil, &["default/bad", "key"]).await;
}

#[tokio::test]
async fn what_is_no_certificate() {
    for (chain, key) in
        [("rubbish", "rubbish"), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "")]
    {
        let spoil = |manifests: Manifests, _: &Authority| {
            let data = [("tls.crt", chain.as_bytes()), ("tls.key", key.as_bytes())];
            manifests.secret("bad", "kubernetes.io/tls", &data)
        };
        default_stands_in(spoil, &["default/bad"]).await;
    }
}

#[tokio::test]
async fn a_secret_without_a_key() {
    let spoil = |manifests: Manifests, authority: &Authority| {
        let one = authority.server(&["bad.test"]);
        manifests.secret("bad", "Opaque", &[("tls.crt", one.chain_pem.as_bytes())])
    };
    default_stands_in(spoil, &["default/bad", "tls.key"]).await;
}

#[tokio::test]
async fn an_expired_one_is_shown_and_told_of() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let (manifests, _) = with(&upstream, &authority);
    let expired = authority.sign(&Wish::server(&["bad.test"]).expired());
    let harness = start(&manifests.tls_secret("bad", &expired)).await;
    let mut client = Tls::any().connect(harness.https(), "bad.test").await;
    assert_eq!(client.agreed().certificate(), expired.certificate());
    assert_eq!(client.get("bad.test", "/").await.text(), "web");
    harness.finding(&["default/bad", "expired"]);
    assert!(Tls::trusting(&authority).try_connect(harness.https(), "bad.test").await.is_err());
}
