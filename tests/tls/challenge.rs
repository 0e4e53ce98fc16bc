//! How a host gets its first certificate: cert-manager and a challenge over plain HTTP.

use std::time::Duration;

use harness::{Authority, Manifests, Tls, Upstream, start, until};
use tokio::time::Instant;

const TOKEN: &str = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

/// The site of a user, whose Secret is to come.
fn site(upstream: &Upstream) -> Manifests {
    Manifests::new()
        .ingress("site")
        .annotation("cert-manager.io/cluster-issuer", "letsencrypt")
        .created("2026-01-01T00:00:00Z")
        .host("mywebsite.com")
        .prefix("/", "site", 80)
        .tls(&["mywebsite.com"], "mywebsite-tls")
        .service("site", [upstream])
}

/// What cert-manager puts beside it for as long as the challenge takes.
fn solver(manifests: Manifests, upstream: &Upstream, path_type: &str) -> Manifests {
    manifests
        .ingress("cm-acme-http-solver-x7k2p")
        .nginx("whitelist-source-range", "0.0.0.0/0,::/0")
        .created("2026-01-02T00:00:00Z")
        .host("mywebsite.com")
        .path(path_type, TOKEN, "cm-acme-http-solver-q9d4z", 8089)
        .service_ports("cm-acme-http-solver-q9d4z", &[harness::ServicePort::tcp(8089, [upstream.address()])])
}

#[tokio::test]
async fn the_challenge_is_answered_and_the_certificate_is_shown_as_soon_as_it_is_there() {
    for path_type in ["Exact", "ImplementationSpecific"] {
        let (web, acme) = (Upstream::named("site").await, Upstream::named("key authorization").await);
        let mut harness = start(&site(&web)).await;
        let before = harness.get("mywebsite.com", "/").await;
        assert_eq!((before.status, before.header("location")), (308, Some("https://mywebsite.com")));

        harness.update(&solver(site(&web), &acme, path_type)).await;
        let answer = harness.get("mywebsite.com", TOKEN).await;
        assert_eq!((answer.status, answer.text()), (200, "key authorization"), "{path_type}");
        for path in ["/", "/shop", "/.well-known/acme-challenge/another", "/.well-known/security.txt"] {
            assert_eq!(harness.get("mywebsite.com", path).await.status, 308, "{path}");
        }
        // Over HTTPS, with the default certificate, which is what a redirect would have led to.
        let mut client = Tls::any().connect(harness.https(), "mywebsite.com").await;
        assert_eq!(client.get("mywebsite.com", TOKEN).await.text(), "key authorization");
        harness.finding(&["mywebsite-tls"]);

        let authority = Authority::new("Let's Encrypt");
        let issued = authority.server(&["mywebsite.com"]);
        harness.write(&site(&web).tls_secret("mywebsite-tls", &issued));
        let written = Instant::now();
        let tls = Tls::trusting(&authority);
        let mut client =
            until("the certificate", async || tls.try_connect(harness.https(), "mywebsite.com").await.ok())
                .await;
        let taken = written.elapsed();
        assert_eq!(client.get("mywebsite.com", "/").await.text(), "site");
        assert!(taken < Duration::from_secs(5), "it takes a second on a machine that is not busy: {taken:?}");
        until("the challenge to be over", async || {
            (harness.get("mywebsite.com", TOKEN).await.status == 308).then_some(())
        })
        .await;
        assert_eq!(harness.findings(), [""; 0]);
    }
}
