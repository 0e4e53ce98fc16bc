//! Feature "Host rules".

use harness::{Harness, Manifests, Upstream, start};

use super::{not_routed, served};

struct HostRules {
    harness: Harness,
    wildcard: Upstream,
    exact: Upstream,
}

async fn host_rules() -> HostRules {
    let (wildcard, exact) = (Upstream::named("wildcard-foo-com").await, Upstream::named("foo-bar-com").await);
    let manifests = Manifests::new()
        .ingress("host-rules")
        .host("*.foo.com")
        .prefix("/", "wildcard-foo-com", 80)
        .host("foo.bar.com")
        .prefix("/", "foo-bar-com", "http")
        .service("wildcard-foo-com", [&wildcard])
        .service("foo-bar-com", [&exact]);
    HostRules { harness: start(&manifests).await, wildcard, exact }
}

#[tokio::test]
async fn a_host_is_served_by_its_rule() {
    let rules = host_rules().await;
    served(&rules.harness, &rules.exact, "foo.bar.com", "/").await;
}

#[tokio::test]
async fn another_host_is_not() {
    not_routed(&host_rules().await.harness, "subdomain.bar.com", "/").await;
}

#[tokio::test]
async fn a_wildcard_covers_one_label() {
    let rules = host_rules().await;
    served(&rules.harness, &rules.wildcard, "bar.foo.com", "/").await;
}

#[tokio::test]
async fn a_wildcard_does_not_cover_two_labels() {
    not_routed(&host_rules().await.harness, "baz.bar.foo.com", "/").await;
}

#[tokio::test]
async fn a_wildcard_does_not_cover_its_parent() {
    not_routed(&host_rules().await.harness, "foo.com", "/").await;
}
