//! Feature "Ingress class".

use harness::{Manifests, Upstream, start};

use super::not_routed;

#[tokio::test]
async fn an_ingress_of_an_unknown_class_gets_no_traffic() {
    let web = Upstream::named("ingress-class-prefix").await;
    let manifests = Manifests::new()
        .ingress("test-ingress-class")
        .class("some-invalid-class-name")
        .host("ingress-class")
        .prefix("/", "ingress-class-prefix", 80)
        .service("ingress-class-prefix", [&web]);
    let harness = start(&manifests).await;
    not_routed(&harness, "ingress-class", "/").await;
    assert_eq!(web.count(), 0);
}
