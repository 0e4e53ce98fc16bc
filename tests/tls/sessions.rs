//! Sessions that go on: over both workers, between programs that share a key, and never where they are off.

use harness::{Authority, Harness, Manifests, Tls, Upstream};
use rustls::version::{TLS12, TLS13};

use crate::start_set;

async fn web(upstream: &Upstream, authority: &Authority, settings: &[(&str, &str)]) -> Harness {
    let manifests = Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "web")
        .service("web", [upstream])
        .tls_secret("web", &authority.server(&["a.test"]));
    start_set(manifests, settings).await
}

/// How many of these many connections, one after the other, go on with the session of the one before.
async fn resumed(tls: &Tls, harness: &Harness, connections: usize) -> usize {
    let mut count = 0;
    for _ in 0..connections {
        let mut client = tls.connect(harness.https(), "a.test").await;
        count += usize::from(client.agreed().resumed);
        // With TLS 1.3 the means to go on come after the handshake.
        assert_eq!(client.get("a.test", "/").await.status, 200);
    }
    count
}

#[tokio::test]
async fn sessions_go_on_whichever_worker_answers() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    for settings in [&[][..], &[("ssl-session-cache", "false"), ("ssl-session-tickets", "true")][..]] {
        let harness = web(&upstream, &authority, settings).await;
        for version in [&TLS12, &TLS13] {
            let tls = Tls::any_with(&[version], None);
            // Two workers take turns by chance: that one of them alone answers 21 times is not to be expected.
            assert_eq!(resumed(&tls, &harness, 21).await, 20, "{settings:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn sessions_can_be_off() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let harness = web(&upstream, &authority, &[("ssl-session-cache", "false")]).await;
    for version in [&TLS12, &TLS13] {
        assert_eq!(resumed(&Tls::any_with(&[version], None), &harness, 4).await, 0, "{version:?}");
    }
}

#[tokio::test]
async fn a_key_of_tickets_is_shared_by_programs() {
    let upstream = Upstream::named("web").await;
    let authority = Authority::new("root");
    let key = |byte: u8| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode([byte; 80])
    };
    let with = |key: String| {
        let settings = [
            ("ssl-session-cache", "false".to_owned()),
            ("ssl-session-tickets", "true".to_owned()),
            ("ssl-session-ticket-key", key),
        ];
        let (upstream, authority) = (&upstream, &authority);
        async move {
            let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
            web(upstream, authority, &settings).await
        }
    };
    let (one, two, other) = (with(key(1)).await, with(key(1)).await, with(key(2)).await);
    for version in [&TLS12, &TLS13] {
        let tls = Tls::any_with(&[version], None);
        resumed(&tls, &one, 1).await;
        assert_eq!(resumed(&tls, &two, 1).await, 1, "{version:?}: the same key");
        assert_eq!(resumed(&tls, &other, 1).await, 0, "{version:?}: another key");
    }
    let bad = with("c2hvcnQ=".to_owned()).await;
    let finding = bad.finding(&["ssl-session-ticket-key"]);
    assert!(!finding.contains("c2hvcnQ"), "the value is a secret: {finding}");
}
