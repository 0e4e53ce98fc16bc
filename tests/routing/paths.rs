//! Path types, precedence, and the normal form in which paths are compared.

use harness::{Manifests, start};

use super::{answers, named};

#[tokio::test]
async fn a_prefix_is_matched_element_by_element() {
    let [foo, slash, aaa] = named(["foo", "slash", "aaa"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/foo", "foo", 80)
        .prefix("/slash/", "slash", 80)
        .prefix("/foo/aaa", "aaa", 80)
        .service("foo", [&foo])
        .service("slash", [&slash])
        .service("aaa", [&aaa]);
    let harness = start(&manifests).await;
    let expected = [
        ("/foo", "foo"),
        ("/foo/", "foo"),
        ("/foo/bar", "foo"),
        ("/foo?x=/aaa", "foo"),
        ("/foobar", "404"),
        ("/Foo", "404"),
        ("/fo", "404"),
        ("/", "404"),
        ("/foo/aaa", "aaa"),
        ("/foo/aaa/", "aaa"),
        ("/foo/aaa/bbb", "aaa"),
        ("/foo/aaab", "foo"),
        ("/slash/", "slash"),
        ("/slash/x", "slash"),
        ("/slash", "slash"),
        ("/slashx", "404"),
    ];
    answers(&harness, "h.test", &expected).await;
    let paths: Vec<_> = slash.requests().iter().map(|got| got.head.target().to_owned()).collect();
    assert_eq!(paths, ["/slash/", "/slash/x", "/slash"], "served directly, without a redirect");
}

#[tokio::test]
async fn exact_is_exact_and_comes_first() {
    let [exact, prefix, root, slash] = named(["exact", "prefix", "root", "slash"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/bar", "prefix", 80)
        .exact("/bar", "exact", 80)
        .exact("/only", "exact", 80)
        .exact("/dir/", "slash", 80)
        .exact("/", "root", 80)
        .service("exact", [&exact])
        .service("prefix", [&prefix])
        .service("root", [&root])
        .service("slash", [&slash]);
    let harness = start(&manifests).await;
    let expected = [
        ("/bar", "exact"),
        ("/bar?x", "exact"),
        ("/bar/", "prefix"),
        ("/bar/x", "prefix"),
        ("/only", "exact"),
        ("/only/", "404"),
        ("/only/x", "404"),
        ("/Only", "404"),
        ("/dir/", "slash"),
        ("/dir", "404"),
        ("/", "root"),
        ("/x", "404"),
    ];
    answers(&harness, "h.test", &expected).await;
}

#[tokio::test]
async fn implementation_specific_is_a_prefix() {
    let [web] = named(["web"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .path("ImplementationSpecific", "/any", "web", 80)
        .service("web", [&web]);
    let harness = start(&manifests).await;
    answers(&harness, "h.test", &[("/any", "web"), ("/any/x", "web"), ("/anyx", "404")]).await;
}

#[tokio::test]
async fn the_longest_path_wins_wherever_it_stands() {
    let [root, a, ab, abc] = named(["root", "a", "ab", "abc"]).await;
    let manifests = Manifests::new()
        .ingress("one")
        .host("h.test")
        .prefix("/", "root", 80)
        .prefix("/a/b/c", "abc", 80)
        .ingress("two")
        .host("h.test")
        .prefix("/a", "a", 80)
        .prefix("/a/b", "ab", 80)
        .service("root", [&root])
        .service("a", [&a])
        .service("ab", [&ab])
        .service("abc", [&abc]);
    let harness = start(&manifests).await;
    let expected = [
        ("/", "root"),
        ("/x", "root"),
        ("/a", "a"),
        ("/a/x", "a"),
        ("/a/b", "ab"),
        ("/a/b/x", "ab"),
        ("/a/b/c/d", "abc"),
    ];
    answers(&harness, "h.test", &expected).await;
}

#[tokio::test]
async fn paths_are_compared_in_normal_form_and_forwarded_as_sent() {
    let [foo, b, spaced, braces] = named(["foo", "b", "spaced", "braces"]).await;
    let manifests = Manifests::new()
        .ingress("web")
        .host("h.test")
        .prefix("/foo", "foo", 80)
        .prefix("/a/b", "b", 80)
        .exact("/with space", "spaced", 80)
        .prefix("/{id}/*", "braces", 80)
        .service("foo", [&foo])
        .service("b", [&b])
        .service("spaced", [&spaced])
        .service("braces", [&braces]);
    let harness = start(&manifests).await;
    let expected = [
        ("/%66oo", "foo"),
        ("/foo/../foo/x", "foo"),
        ("/x/../foo", "foo"),
        ("/./foo", "foo"),
        ("//foo//x", "foo"),
        ("/foo/..", "404"),
        ("/foo/../x", "404"),
        ("/foo%2fx", "404"),
        ("//a//b", "b"),
        ("/a/%62", "b"),
        ("/a/%2e/b", "b"),
        ("/a%2Fb", "404"),
        ("/with%20space", "spaced"),
        ("/%7Bid%7D/*/x", "braces"),
        ("/{id}/%2A", "braces"),
        ("/5/6", "404"),
        ("/../foo", "400"),
        ("/foo/%2e%2e/%2e%2e/x", "400"),
        ("/foo%00", "400"),
        ("/foo%zz", "400"),
        ("/foo%5c..", "400"),
    ];
    answers(&harness, "h.test", &expected).await;
    let targets: Vec<_> = foo.requests().iter().map(|got| got.head.target().to_owned()).collect();
    assert_eq!(targets, ["/%66oo", "/foo/../foo/x", "/x/../foo", "/./foo", "//foo//x"]);
}
