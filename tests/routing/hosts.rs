//! Hosts: exact, wildcard, none; and how the host of a request is read.

use harness::{Manifests, start};

use super::{answers, named, who_answers};

#[tokio::test]
async fn the_most_specific_host_decides() {
    let [exact, wildcard, any] = named(["exact", "wildcard", "any"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("a.b.test")
        .prefix("/only", "exact", 80)
        .host("*.b.test")
        .prefix("/", "wildcard", 80)
        .host("")
        .prefix("/", "any", 80)
        .service("exact", [&exact])
        .service("wildcard", [&wildcard])
        .service("any", [&any]);
    let harness = start(&manifests).await;
    answers(&harness, "a.b.test", &[("/only", "exact"), ("/else", "404")]).await;
    for (host, who) in [
        ("x.b.test", "wildcard"),
        ("x_y.b.test", "wildcard"),
        ("b.test", "any"),
        ("x.y.b.test", "any"),
        ("other.test", "any"),
        ("127.0.0.1", "any"),
        ("[::1]:80", "any"),
    ] {
        assert_eq!(who_answers(&harness, host, "/").await, who, "{host}");
    }
}

#[tokio::test]
async fn port_case_and_trailing_dot_of_a_host_do_not_matter() {
    let [web, wild] = named(["web", "wild"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("Www.Shop.test")
        .prefix("/", "web", 80)
        .host("*.Wild.test")
        .prefix("/", "wild", 80)
        .service("web", [&web])
        .service("wild", [&wild]);
    let harness = start(&manifests).await;
    for host in
        ["www.shop.test", "WWW.SHOP.TEST", "www.shop.test:8080", "www.shop.test.", "Www.shop.test.:80"]
    {
        assert_eq!(who_answers(&harness, host, "/").await, "web", "{host}");
        assert_eq!(web.requests().pop().unwrap().header("host"), Some(host), "forwarded as sent");
    }
    assert_eq!(who_answers(&harness, "A.wild.TEST.:1", "/").await, "wild");
    assert_eq!(who_answers(&harness, "shop.test", "/").await, "404");
}

#[tokio::test]
async fn rules_for_one_host_are_merged_over_ingresses_and_namespaces() {
    let [one, two, three] = named(["one", "two", "three"]).await;
    let manifests = Manifests::new()
        .ingress("red/web")
        .host("h.test")
        .prefix("/one", "web", 80)
        .ingress("blue/web")
        .host("h.test")
        .prefix("/two", "web", 80)
        .ingress("blue/more")
        .host("H.test")
        .exact("/two", "more", 80)
        .service("red/web", [&one])
        .service("blue/web", [&two])
        .service("blue/more", [&three]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/one", "one"), ("/two/x", "two"), ("/two", "three"), ("/", "404")]).await;
}

#[tokio::test]
async fn the_oldest_ingress_wins_a_path() {
    let [old, new] = named(["old", "new"]).await;
    let manifests = Manifests::new()
        .ingress("a/new")
        .created("2026-02-01T00:00:00Z")
        .host("h.test")
        .prefix("/", "web", 80)
        .prefix("/new", "web", 80)
        .ingress("b/old")
        .created("2026-01-01T00:00:00Z")
        .host("h.test")
        .prefix("/", "web", 80)
        .service("a/web", [&new])
        .service("b/web", [&old]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/", "old"), ("/x", "old"), ("/new", "new")]).await;
}

#[tokio::test]
async fn the_class_of_an_ingress_decides_whether_it_is_served() {
    let [web] = named(["web"]).await;
    let path = |manifests: Manifests, host: &str| manifests.host(host).prefix("/", "web", 80);
    let annotation = "kubernetes.io/ingress.class";
    let mut manifests = Manifests::new()
        .ingress_class("ours", "k8s.io/ingress-nginx")
        .ingress_class("theirs", "example.com/other")
        .service("web", [&web]);
    manifests = path(manifests.ingress("none"), "none.test");
    manifests = path(manifests.ingress("ours").class("ours"), "ours.test");
    manifests = path(manifests.ingress("theirs").class("theirs"), "theirs.test");
    manifests = path(manifests.ingress("nginx").class("nginx"), "nginx.test");
    manifests = path(manifests.ingress("unknown").class("unknown"), "unknown.test");
    manifests = path(manifests.ingress("old").annotation(annotation, "nginx"), "old.test");
    manifests = path(manifests.ingress("other").annotation(annotation, "traefik"), "other.test");
    manifests = path(manifests.ingress("both").class("theirs").annotation(annotation, "nginx"), "both.test");
    let harness = start(&manifests).await;
    for (host, who) in [
        ("none.test", "web"),
        ("ours.test", "web"),
        ("nginx.test", "web"),
        ("old.test", "web"),
        ("theirs.test", "404"),
        ("unknown.test", "404"),
        ("other.test", "404"),
        ("both.test", "404"),
    ] {
        assert_eq!(who_answers(&harness, host, "/").await, who, "{host}");
    }
}
