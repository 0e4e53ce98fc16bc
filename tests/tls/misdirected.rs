//! A handshake for one host is no way round the certificates that another asks for.

use harness::{Authority, H2, Manifests, Tls, Upstream, start};
use rustls::version::{TLS12, TLS13};

/// `open.test` asks for nothing; `closed.test` and all of `*.wild.test` for certificates of the authority; `other.test` for those of another.
fn hosts(upstream: &Upstream, authority: &Authority, other: &Authority) -> Manifests {
    Manifests::new()
        .ingress("open")
        .host("open.test")
        .prefix("/", "web", 80)
        .ingress("closed")
        .nginx("auth-tls-secret", "default/clients")
        .host("closed.test")
        .prefix("/", "web", 80)
        .host("*.wild.test")
        .prefix("/", "web", 80)
        .ingress("other")
        .nginx("auth-tls-secret", "default/others")
        .host("other.test")
        .prefix("/", "web", 80)
        .service("web", [upstream])
        .ca_secret("clients", authority)
        .ca_secret("others", other)
}

#[tokio::test]
async fn a_request_goes_where_its_handshake_went() {
    let upstream = Upstream::named("web").await;
    let (authority, other) = (Authority::new("clients"), Authority::new("others"));
    let harness = start(&hosts(&upstream, &authority, &other)).await;
    let good = authority.client("good");
    let closed =
        ["closed.test", "CLOSED.test", "closed.test.", "closed.test:443", "x.wild.test", "other.test"];
    for tls in [Tls::any(), Tls::any().showing(&good), Tls::any().showing(&good).without_sni()] {
        for host in closed {
            let answer = tls.connect(harness.https(), "open.test").await.get(host, "/").await;
            assert_eq!(answer.status, 421, "{host}: {answer:?}");
        }
    }
    let h2 = H2::connect_tls(&Tls::any().showing(&good), harness.https(), "open.test").await;
    for host in ["closed.test", "x.wild.test", "other.test"] {
        assert_eq!(h2.get(&format!("https://{host}/")).await.status(), 421, "{host}");
    }
    assert_eq!(h2.get("https://open.test/").await.status(), 200, "the connection goes on");
    // A good certificate for one host says nothing to another with other authorities.
    let mut client = Tls::any().showing(&good).connect(harness.https(), "closed.test").await;
    for (host, status) in [("closed.test", 200), ("open.test", 200), ("other.test", 421)] {
        assert_eq!(client.get(host, "/").await.status, status, "{host}");
    }
    let hosts: Vec<_> =
        upstream.requests().iter().map(|got| got.header("host").unwrap().to_owned()).collect();
    assert_eq!(hosts, ["open.test", "closed.test", "open.test"], "nothing else has come through");
}

#[tokio::test]
async fn a_session_of_another_host_is_no_way_round_either() {
    let upstream = Upstream::named("web").await;
    let (authority, other) = (Authority::new("clients"), Authority::new("others"));
    let good = authority.client("good");
    for settings in [&[][..], &[("ssl-session-cache", "false"), ("ssl-session-tickets", "true")][..]] {
        let harness = crate::start_set(hosts(&upstream, &authority, &other), settings).await;
        for version in [&TLS12, &TLS13] {
            // The client goes on with what it has from one name at another: it holds sessions by name, so both go by one.
            let tls = Tls::any_with(&[version], None).showing(&good);
            for _ in 0..2 {
                let mut client = tls.connect(harness.https(), "closed.test").await;
                assert_eq!(client.get("closed.test", "/").await.status, 200, "{version:?}");
                assert_eq!(client.get("other.test", "/").await.status, 421, "{version:?}");
            }
            assert!(tls.connect(harness.https(), "closed.test").await.agreed().resumed, "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_session_does_not_outlive_what_it_was_granted_by() {
    let upstream = Upstream::named("web").await;
    let (authority, other) = (Authority::new("clients"), Authority::new("others"));
    let good = authority.client("good");
    for version in [&TLS12, &TLS13] {
        let mut harness = start(&hosts(&upstream, &authority, &other)).await;
        let tls = Tls::any_with(&[version], None).showing(&good);
        let mut kept = tls.connect(harness.https(), "closed.test").await;
        assert_eq!(kept.get("closed.test", "/").await.status, 200);
        // From now on it is another authority that vouches for clients.
        harness.update(&hosts(&upstream, &Authority::new("new clients"), &other)).await;
        let answer = tls.connect(harness.https(), "closed.test").await.get("closed.test", "/").await;
        assert_eq!(answer.status, 400, "{version:?}: a session of the old one");
        assert_eq!(
            kept.get("closed.test", "/").await.status,
            421,
            "{version:?}: a connection of the old one"
        );
    }
}
