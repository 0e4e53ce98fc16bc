//! What answers where no rule matches.

use harness::{Manifests, start, start_with};

use super::{answers, named, who_answers};

#[tokio::test]
async fn nothing_configured_is_404() {
    let harness = start(&Manifests::new()).await;
    let answer = harness.get("h.test", "/").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("404"), "{answer:?}");
    assert_eq!(answer.header("server"), None);
}

#[tokio::test]
async fn an_ingress_without_rules_serves_every_host_without_rules() {
    let [all, web] = named(["all", "web"]).await;
    let manifests = Manifests::new()
        .ingress("all")
        .default_backend("all", 80)
        .ingress("web")
        .host("h.test")
        .prefix("/web", "web", 80)
        .service("all", [&all])
        .service("web", [&web]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/web", "web"), ("/webx", "404"), ("/", "404")]).await;
    answers(&harness, "unknown.test", &[("/", "all"), ("/web", "all")]).await;
}

#[tokio::test]
async fn the_default_backend_of_an_ingress_is_for_its_hosts() {
    let [web, fallback] = named(["web", "fallback"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .default_backend("fallback", 80)
        .host("h.test")
        .prefix("/web", "web", 80)
        .service("web", [&web])
        .service("fallback", [&fallback]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/web", "web"), ("/else", "fallback"), ("/", "fallback")]).await;
    answers(&harness, "unknown.test", &[("/", "404")]).await;
}

#[tokio::test]
async fn a_rule_without_paths_sends_its_host_to_the_default_backend() {
    let [fallback] = named(["fallback"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .default_backend("fallback", 80)
        .host("h.test")
        .service("fallback", [&fallback]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/", "fallback"), ("/x", "fallback")]).await;
    answers(&harness, "unknown.test", &[("/", "404")]).await;
}

#[tokio::test]
async fn the_default_backend_of_the_controller_answers_the_rest() {
    let [fallback, web] = named(["fallback", "web"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/web", "web", 80)
        .service("web", [&web])
        .service("system/fallback", [&fallback]);
    let harness = start_with(&manifests, &["--default-backend-service=system/fallback"]).await;
    answers(&harness, "h.test", &[("/web", "web"), ("/", "fallback")]).await;
    assert_eq!(who_answers(&harness, "unknown.test", "/x?y").await, "fallback");
    let got = fallback.requests().pop().unwrap();
    assert_eq!((got.head.target(), got.header("host")), ("/x?y", Some("unknown.test")));
    assert_eq!(got.header("x-forwarded-for"), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_default_backend_without_endpoints_is_404() {
    let manifests = Manifests::new().service("system/fallback", []);
    let harness = start_with(&manifests, &["--default-backend-service=system/fallback"]).await;
    assert_eq!(who_answers(&harness, "unknown.test", "/").await, "404");
}
