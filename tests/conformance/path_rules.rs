//! Feature "Path rules".

use harness::{Harness, Manifests, Upstream, start};

use super::{not_routed, served};

const EXACT: &str = "exact-path-rules";
const PREFIX: &str = "prefix-path-rules";
const MIXED: &str = "mixed-path-rules";
const TRAILING: &str = "trailing-slash-path-rules";

struct PathRules {
    harness: Harness,
    foo_exact: Upstream,
    foo_prefix: Upstream,
    aaa_prefix: Upstream,
    aaa_bbb_prefix: Upstream,
    aaa_bbb_slash_prefix: Upstream,
}

async fn path_rules() -> PathRules {
    let (foo_exact, foo_prefix) = (Upstream::named("foo-exact").await, Upstream::named("foo-prefix").await);
    let (aaa_prefix, aaa_bbb_prefix) = (Upstream::named("aaa").await, Upstream::named("aaa-bbb").await);
    let (aaa_bbb_slash_prefix, foo_slash_exact) =
        (Upstream::named("a-b-s").await, Upstream::named("f-s").await);
    let manifests = Manifests::new()
        .ingress("path-rules")
        .host(EXACT)
        .exact("/foo", "foo-exact", 80)
        .host(PREFIX)
        .prefix("/foo", "foo-prefix", 80)
        .prefix("/aaa/bbb", "aaa-bbb-prefix", 80)
        .prefix("/aaa", "aaa-prefix", 80)
        .host(MIXED)
        .prefix("/foo", "foo-prefix", 80)
        .exact("/foo", "foo-exact", 80)
        .host(TRAILING)
        .prefix("/aaa/bbb/", "aaa-bbb-slash-prefix", 80)
        .exact("/foo/", "foo-slash-exact", 80)
        .service("foo-exact", [&foo_exact])
        .service("foo-prefix", [&foo_prefix])
        .service("aaa-prefix", [&aaa_prefix])
        .service("aaa-bbb-prefix", [&aaa_bbb_prefix])
        .service("aaa-bbb-slash-prefix", [&aaa_bbb_slash_prefix])
        .service("foo-slash-exact", [&foo_slash_exact]);
    let harness = start(&manifests).await;
    PathRules { harness, foo_exact, foo_prefix, aaa_prefix, aaa_bbb_prefix, aaa_bbb_slash_prefix }
}

#[tokio::test]
async fn exact_serves_its_path() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.foo_exact, EXACT, "/foo").await;
}

#[tokio::test]
async fn exact_does_not_serve_a_trailing_slash() {
    not_routed(&path_rules().await.harness, EXACT, "/foo/").await;
}

#[tokio::test]
async fn exact_is_case_sensitive() {
    not_routed(&path_rules().await.harness, EXACT, "/FOO").await;
}

#[tokio::test]
async fn exact_does_not_serve_another_path() {
    not_routed(&path_rules().await.harness, EXACT, "/bar").await;
}

#[tokio::test]
async fn prefix_serves_its_path() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.foo_prefix, PREFIX, "/foo").await;
}

#[tokio::test]
async fn prefix_serves_a_trailing_slash() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.foo_prefix, PREFIX, "/foo/").await;
}

#[tokio::test]
async fn prefix_is_case_sensitive() {
    not_routed(&path_rules().await.harness, PREFIX, "/FOO").await;
}

#[tokio::test]
async fn the_longest_prefix_serves_its_path() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.aaa_bbb_prefix, PREFIX, "/aaa/bbb").await;
}

#[tokio::test]
async fn the_longest_prefix_serves_what_is_below() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.aaa_bbb_prefix, PREFIX, "/aaa/bbb/ccc").await;
}

#[tokio::test]
async fn the_shorter_prefix_serves_the_rest() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.aaa_prefix, PREFIX, "/aaa/ccc").await;
}

#[tokio::test]
async fn prefix_does_not_serve_half_a_label() {
    not_routed(&path_rules().await.harness, PREFIX, "/aaaccc").await;
}

#[tokio::test]
async fn exact_comes_before_prefix() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.foo_exact, MIXED, "/foo").await;
}

#[tokio::test]
async fn prefix_with_a_trailing_slash_serves_the_path_without() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.aaa_bbb_slash_prefix, TRAILING, "/aaa/bbb").await;
}

#[tokio::test]
async fn prefix_with_a_trailing_slash_serves_the_path_with() {
    let rules = path_rules().await;
    served(&rules.harness, &rules.aaa_bbb_slash_prefix, TRAILING, "/aaa/bbb/").await;
}

#[tokio::test]
async fn exact_with_a_trailing_slash_does_not_serve_the_path_without() {
    not_routed(&path_rules().await.harness, TRAILING, "/foo").await;
}
