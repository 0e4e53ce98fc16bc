//! Endpoints whose certificate is looked at, and who look at ours (`proxy-ssl-*`).

use harness::{Authority, Identity, Manifests, TlsServer, Upstream, Wish, start};

/// Served over TLS with these annotations beside the Secret `upstream`.
fn web(upstream: &Upstream, annotations: &[(&str, &str)]) -> Manifests {
    let mut manifests = Manifests::new()
        .ingress("web")
        .nginx("backend-protocol", "HTTPS")
        .nginx("proxy-ssl-secret", "default/upstream");
    for (name, value) in annotations {
        manifests = manifests.nginx(name, value);
    }
    manifests.host("a.test").prefix("/", "web", 80).service("web", [upstream])
}

/// The Secret: who vouches for endpoints, and what we show them.
fn secret(manifests: Manifests, authority: &Authority, ours: &Identity) -> Manifests {
    let data = [
        ("ca.crt", authority.pem().as_bytes()),
        ("tls.crt", ours.chain_pem.as_bytes()),
        ("tls.key", ours.key_pem.as_bytes()),
    ];
    manifests.secret("upstream", "kubernetes.io/tls", &data)
}

const VERIFY: (&str, &str) = ("proxy-ssl-verify", "on");
const NAME: (&str, &str) = ("proxy-ssl-name", "inner.test");

#[tokio::test]
async fn the_certificate_is_looked_at_only_where_that_is_asked() {
    let (authority, strangers) = (Authority::new("endpoints"), Authority::new("strangers"));
    let ours = authority.client("us");
    let good = authority.server(&["inner.test"]);
    let expired = authority.sign(&Wish::server(&["inner.test"]).expired());
    let (other, stranger) = (authority.server(&["other.test"]), strangers.server(&["inner.test"]));
    let below = authority.below("first").below("second").server(&["inner.test"]);
    for (what, identity, verified) in [
        ("good", &good, 200),
        ("expired", &expired, 502),
        ("of another name", &other, 502),
        ("of a stranger", &stranger, 502),
        ("too far below", &below, 502),
    ] {
        let upstream = Upstream::named_tls(TlsServer::new(identity, &[], None), "web").await;
        for (annotations, status) in [(&[NAME][..], 200), (&[VERIFY, NAME][..], verified)] {
            let harness = start(&secret(web(&upstream, annotations), &authority, &ours)).await;
            assert_eq!(harness.get("a.test", "/").await.status, status, "{what} {annotations:?}");
        }
    }
    let upstream = Upstream::named_tls(TlsServer::new(&below, &[], None), "web").await;
    let deeper = [VERIFY, NAME, ("proxy-ssl-verify-depth", "2")];
    let harness = start(&secret(web(&upstream, &deeper), &authority, &ours)).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn the_name_is_told_where_that_is_asked() {
    let authority = Authority::new("endpoints");
    let ours = authority.client("us");
    let upstream =
        Upstream::named_tls(TlsServer::new(&authority.server(&["inner.test"]), &[], None), "web").await;
    for (annotations, told) in
        [(&[NAME][..], None), (&[NAME, ("proxy-ssl-server-name", "on")][..], Some("inner.test"))]
    {
        let harness = start(&secret(web(&upstream, annotations), &authority, &ours)).await;
        assert_eq!(harness.get("a.test", "/").await.status, 200);
        assert_eq!(upstream.handshakes().pop().unwrap().server_name.as_deref(), told, "{annotations:?}");
    }
}

#[tokio::test]
async fn our_certificate_is_shown_and_rotated() {
    let authority = Authority::new("endpoints");
    let [one, two, three] = ["one", "two", "three"].map(|name| authority.client(name));
    let server = TlsServer::new(&authority.server(&["inner.test"]), &[], Some(&authority));
    let upstream = Upstream::named_tls(server, "web").await;
    let mut harness = start(&secret(web(&upstream, &[]), &authority, &one)).await;
    let mut client = harness.connect().await;
    for (round, identity) in [&one, &two, &three].into_iter().enumerate() {
        harness.update(&secret(web(&upstream, &[]), &authority, identity)).await;
        assert_eq!(client.get("a.test", "/").await.status, 200, "round {round}");
        let shown = upstream.handshakes().pop().unwrap();
        assert_eq!(shown.certificate(), identity.certificate(), "round {round}");
    }
    // Without it the endpoint refuses.
    let bare = Manifests::new()
        .ingress("web")
        .nginx("backend-protocol", "HTTPS")
        .host("a.test")
        .prefix("/", "web", 80);
    harness.update(&bare.service("web", [&upstream])).await;
    assert_eq!(client.get("a.test", "/").await.status, 502);
}

#[tokio::test]
async fn without_its_secret_nothing_is_sent() {
    let authority = Authority::new("endpoints");
    let upstream =
        Upstream::named_tls(TlsServer::new(&authority.server(&["inner.test"]), &[], None), "web").await;
    let missing = web(&upstream, &[VERIFY]);
    let broken = missing.clone().secret("upstream", "Opaque", &[("ca.crt", b"rubbish")]);
    for manifests in [missing, broken] {
        let manifests = manifests.ingress("other").host("b.test").prefix("/", "plain", 80);
        let plain = Upstream::named("plain").await;
        let harness = start(&manifests.service("plain", [&plain])).await;
        assert_eq!(harness.get("a.test", "/").await.status, 503);
        assert_eq!(harness.get("b.test", "/").await.status, 200);
        harness.finding(&["default/web", "proxy-ssl-secret", "upstream"]);
    }
    assert_eq!(upstream.handshakes().len(), 0);
}
