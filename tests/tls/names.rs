//! Which certificate is shown to whom.

use harness::{Algorithm, Authority, Manifests, Tls, Upstream, Wish, command, start, start_with};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Three hosts, each with a certificate of its own: a name, a wildcard, and a name under that wildcard.
fn hosts(upstream: &Upstream) -> Manifests {
    Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .host("*.wild.test")
        .prefix("/", "web", 80)
        .host("own.wild.test")
        .prefix("/", "web", 80)
        .host("bare.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "a")
        .tls(&["*.wild.test"], "wild")
        .tls(&["own.wild.test"], "own")
        .service("web", [upstream])
}

#[tokio::test]
async fn by_name_then_by_wildcard_then_the_default_one() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let [a, wild, own, default] =
        ["a.test", "*.wild.test", "own.wild.test", "default.test"].map(|name| authority.server(&[name]));
    let manifests = hosts(&upstream)
        .tls_secret("a", &a)
        .tls_secret("wild", &wild)
        .tls_secret("own", &own)
        .tls_secret("ingress-nginx/default", &default);
    let harness = start_with(&manifests, &["--default-ssl-certificate=ingress-nginx/default"]).await;
    for (host, expected, status) in [
        ("a.test", &a, 200),
        ("A.Test", &a, 200),
        ("x.wild.test", &wild, 200),
        ("own.wild.test", &own, 200),
        ("x.y.wild.test", &default, 404),
        ("wild.test", &default, 404),
        ("bare.test", &default, 200),
        ("unknown.test", &default, 404),
    ] {
        let mut client = Tls::any().connect(harness.https(), host).await;
        assert_eq!(client.agreed().certificate(), expected.certificate(), "{host}");
        let answer = client.get(host, "/").await;
        assert_eq!(answer.status, status, "{host}: {answer:?}");
    }
    let mut nameless = Tls::any().without_sni().connect(harness.https(), "a.test").await;
    assert_eq!(nameless.agreed().certificate(), default.certificate(), "a client that names nobody");
    assert_eq!(nameless.get("a.test", "/").await.text(), "web", "what is served goes by the Host header");
}

#[tokio::test]
async fn without_a_default_certificate_there_is_one_made_at_the_start() {
    let upstream = Upstream::named("web").await;
    let harness = start(&hosts(&upstream)).await;
    let client = Tls::any().connect(harness.https(), "unknown.test").await;
    let agreed = client.agreed();
    let (_, certificate) = X509Certificate::from_der(agreed.certificate()).unwrap();
    let subject = certificate.subject();
    let first = |mut names: Box<dyn Iterator<Item = &x509_parser::x509::AttributeTypeAndValue<'_>> + '_>| {
        names.next().unwrap().as_str().unwrap().to_owned()
    };
    assert_eq!(first(Box::new(subject.iter_common_name())), "Kubernetes Ingress Controller Fake Certificate");
    assert_eq!(first(Box::new(subject.iter_organization())), "Acme Co");
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    assert!(format!("{names:?}").contains("ingress.local"), "{names:?}");
    assert!(certificate.validity().is_valid());
    // Other hosts get the same, and another start makes another.
    let again = Tls::any().connect(harness.https(), "a.test").await;
    assert_eq!(again.agreed().certificate(), agreed.certificate());
    let other = start(&hosts(&upstream)).await;
    let elsewhere = Tls::any().connect(other.https(), "a.test").await;
    assert_ne!(elsewhere.agreed().certificate(), agreed.certificate());
}

#[tokio::test]
async fn keys_of_every_kind() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let mut manifests = Manifests::new().service("web", [&upstream]);
    let kinds = [Algorithm::Ecdsa, Algorithm::Rsa, Algorithm::Ed25519];
    let mut identities = Vec::new();
    for kind in kinds {
        let name = format!("{kind:?}").to_lowercase();
        let host = format!("{name}.test");
        let identity = authority.sign(&Wish::server(&[&host]).of(kind));
        manifests = manifests
            .tls_secret(&name, &identity)
            .ingress(&name)
            .host(&host)
            .prefix("/", "web", 80)
            .tls(&[&host], &name);
        identities.push((host, identity));
    }
    let harness = start(&manifests).await;
    let tls = Tls::trusting(&authority);
    for (host, identity) in &identities {
        for version in rustls::ALL_VERSIONS {
            let mut client = Tls::any_with(&[version], None).connect(harness.https(), host).await;
            assert_eq!(client.agreed().certificate(), identity.certificate(), "{host} {version:?}");
            assert_eq!(client.get(host, "/").await.text(), "web", "{host} {version:?}");
        }
        tls.connect(harness.https(), host).await;
    }
}

#[tokio::test]
async fn the_whole_chain_is_sent() {
    let upstream = Upstream::named("web").await;
    let root = Authority::new("root");
    let identity = root.below("first").below("second").server(&["a.test"]);
    assert_eq!(identity.chain.len(), 3);
    let manifests = hosts(&upstream).tls_secret("a", &identity);
    let harness = start(&manifests).await;
    let client = Tls::trusting(&root).connect(harness.https(), "a.test").await;
    assert_eq!(client.agreed().chain, identity.chain);

    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("root.pem");
    std::fs::write(&trusted, root.pem()).unwrap();
    let address = harness.https().to_string();
    let flags = ["s_client", "-connect", &address, "-servername", "a.test", "-verify_hostname", "a.test"];
    let more = ["-showcerts", "-verify_return_error", "-CAfile", trusted.to_str().unwrap()];
    let output = command("openssl", &[&flags[..], &more[..]].concat(), "Q\n").await;
    assert!(output.out.contains("Verify return code: 0 (ok)"), "{output:?}");
    assert_eq!(output.out.matches("BEGIN CERTIFICATE").count(), 3, "{output:?}");
}
