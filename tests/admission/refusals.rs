//! What is refused, why, and in which order: that of ingress-nginx.

use harness::Client;
use serde_json::{Value, json};

use crate::objects::{PREFIX, annotated, ingress, settings, web};
use crate::world::World;

/// Changes an object.
type Mend = fn(&mut Value);

fn without_annotation(ingress: &mut Value, name: &str) {
    ingress["metadata"]["annotations"].as_object_mut().unwrap().remove(&format!("{PREFIX}{name}"));
}

#[tokio::test]
async fn the_first_reason_is_the_one_that_is_told() {
    let old = ingress("shop/old", &["a.test/taken"]);
    let words = settings(&[("annotation-value-word-blocklist", "lua_,proxy_pass")]);
    let world = World::start_with([old, words], |config| config.options.disable_catch_all = true).await;
    let mut new = ingress("shop/new", &["a.test/taken", "a.test/x(y)"]);
    new["spec"]["rules"][1]["host"] = json!("a.test/etc/passwd");
    new["spec"]["defaultBackend"] = web();
    for (name, value) in
        [("app-root", "/lua_"), ("configuration-snippet", "deny all;"), ("limit-rps", "five")]
    {
        new = annotated(new, name, value);
    }
    let steps: [(&str, Mend); 7] = [
        ("spec.rules[1].host: \"a.test/etc/passwd\" contains directives or paths of a server", |new| {
            new["spec"]["rules"][1]["host"] = json!("a.test");
        }),
        ("it has a spec.defaultBackend, which --disable-catch-all forbids", |new| {
            new["spec"].as_object_mut().unwrap().remove("defaultBackend");
        }),
        ("path /x(y) cannot be used with pathType Prefix; ", |new| {
            new["spec"]["rules"][1]["http"]["paths"][0]["path"] = json!("/x");
        }),
        ("annotation nginx.ingress.kubernetes.io/app-root: the value contains the word \"lua_\"", |new| {
            without_annotation(new, "app-root")
        }),
        (
            "annotation nginx.ingress.kubernetes.io/configuration-snippet: nginx directives are never run",
            |new| without_annotation(new, "configuration-snippet"),
        ),
        ("annotation nginx.ingress.kubernetes.io/limit-rps: expected a whole number, got \"five\"", |new| {
            without_annotation(new, "limit-rps")
        }),
        ("host \"a.test\" and path \"/taken\" is already defined in ingress shop/old", |new| {
            new["spec"]["rules"][0]["http"]["paths"][0]["path"] = json!("/free");
        }),
    ];
    for (reason, mend) in steps {
        let refusal = world.refusal(&new).await;
        assert!(refusal.starts_with(reason), "{reason}: {refusal}");
        mend(&mut new);
    }
    // An API server makes the uid, so only somebody else can send another text in its place.
    let mut strange = new.clone();
    strange["metadata"]["uid"] = json!("a b");
    let verdict = world.verdict("CREATE", &strange).await;
    assert_eq!(
        (verdict["allowed"].clone(), verdict["status"]["message"].clone()),
        (json!(false), json!("metadata.uid: \"a b\" is no UID; leave the field out"))
    );
    world.create(&new).await.unwrap();
}

#[tokio::test]
async fn a_default_backend_is_refused_only_where_the_flag_is_set() {
    let mut new = ingress("shop/new", &["a.test/"]);
    new["spec"]["defaultBackend"] = web();
    let world = World::start_with([], |config| config.options.disable_catch_all = true).await;
    assert!(world.refusal(&new).await.contains("--disable-catch-all"));
    World::start([]).await.create(&new).await.unwrap();
}

#[tokio::test]
async fn texts_for_the_configuration_of_another_server_are_refused_wherever_they_stand() {
    let world = World::start([]).await;
    let with_tls = |tls: Value| {
        let mut ingress = ingress("shop/new", &["a.test/"]);
        ingress["spec"]["tls"] = json!([tls]);
        ingress
    };
    for (new, field) in [
        (ingress("shop/new", &["~a.test/x;alias /;"]), "spec.rules[0].http.paths[0].path"),
        (ingress("shop/new", &["~a.test/{root /;}"]), "spec.rules[0].http.paths[0].path"),
        (ingress("shop/new", &["b.test/", "a.test/etc/shadow"]), "spec.rules[1].http.paths[0].path"),
        (ingress("shop/new", &["_by_lua_block/"]), "spec.rules[0].host"),
        (with_tls(json!({ "hosts": ["a.test", "/etc/nginx"] })), "spec.tls[0].hosts[1]"),
        (with_tls(json!({ "secretName": "/var/run/secrets/x" })), "spec.tls[0].secretName"),
    ] {
        let refusal = world.refusal(&new).await;
        assert!(refusal.starts_with(&format!("{field}: ")), "{field}: {refusal}");
    }
}

#[tokio::test]
async fn unusual_characters_need_another_type_of_path_or_the_setting() {
    let world = World::start([]).await;
    for (path, reason) in [
        ("a.test/a~b", "path /a~b cannot be used with pathType Prefix"),
        ("=a.test/é", "path /é cannot be used with pathType Exact"),
        ("a.test/a%20b", "path /a%20b cannot be used with pathType Prefix"),
    ] {
        let refusal = world.refusal(&ingress("shop/new", &[path])).await;
        assert!(refusal.starts_with(reason), "{refusal}");
        assert!(refusal.contains("strict-validate-path-type"), "{refusal}");
    }
    let free = ["a.test/A-z_0.9/", "~a.test/a~b", "~a.test/v[0-9]+"];
    let warnings = world.create(&ingress("shop/free", &free)).await.unwrap();
    assert!(!warnings.iter().any(|warning| warning.contains("pathType")), "{warnings:?}");
    let world = World::start([settings(&[("strict-validate-path-type", "false")])]).await;
    let warnings = world.create(&ingress("shop/new", &["a.test/a~b"])).await.unwrap();
    assert_eq!(warnings[0], "path /a~b cannot be used with pathType Prefix");
}

#[tokio::test]
async fn snippets_are_refused_whatever_is_allowed() {
    let allow = settings(&[("allow-snippet-annotations", "true"), ("annotations-risk-level", "Critical")]);
    let world = World::start([allow]).await;
    for name in [
        "configuration-snippet",
        "server-snippet",
        "stream-snippet",
        "auth-snippet",
        "modsecurity-snippet",
        "nginx.org/location-snippet",
    ] {
        let refusal = world.refusal(&annotated(ingress("shop/new", &["a.test/"]), name, "deny all;")).await;
        assert!(refusal.contains(&format!("{name}: nginx directives are never run; use ")), "{refusal}");
    }
}

#[tokio::test]
async fn annotations_above_the_allowed_risk_are_refused() {
    let new = annotated(ingress("shop/new", &["a.test/"]), "auth-url", "http://auth.test/");
    let world = World::start([settings(&[("annotations-risk-level", "Medium")])]).await;
    assert_eq!(
        world.refusal(&new).await,
        "annotation nginx.ingress.kubernetes.io/auth-url: its risk is High, and annotations-risk-level allows no more than Medium"
    );
    let low = annotated(ingress("shop/low", &["b.test/"]), "proxy-read-timeout", "5");
    world.create(&low).await.unwrap();
    World::start([]).await.create(&new).await.unwrap();
}

#[tokio::test]
async fn a_forbidden_word_counts_only_in_annotations_of_ours() {
    let world = World::start([settings(&[("annotation-value-word-blocklist", "load_module, lua")])]).await;
    let with = |name: &str, value: &str| annotated(ingress("shop/new", &["a.test/"]), name, value);
    let refusal = world.refusal(&with("app-root", "/load_module")).await;
    assert!(refusal.contains("\"load_module\", which annotation-value-word-blocklist forbids"), "{refusal}");
    world.create(&with("example.com/note", "lua")).await.unwrap();
}

#[tokio::test]
async fn settings_that_change_count_from_then_on() {
    let world = World::start([settings(&[])]).await;
    let new = annotated(ingress("shop/new", &["a.test/"]), "app-root", "/lua");
    assert_eq!(world.verdict("CREATE", &new).await["allowed"], true);
    world.server.put(settings(&[("annotation-value-word-blocklist", "lua")]));
    harness::within("the new word to be known", async {
        while world.verdict("CREATE", &new).await["allowed"] == true {}
    })
    .await;
    world.refusal(&new).await;
}

#[tokio::test]
async fn verdicts_are_counted() {
    let world = World::start([]).await;
    world.create(&ingress("shop/good", &["a.test/"])).await.unwrap();
    world.refusal(&annotated(ingress("shop/bad", &["b.test/"]), "server-snippet", "x")).await;
    let mut client = Client::connect(world.controller.healthz_address()).await;
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = client.answer().await;
    for (name, ingress) in [("check_success", "good"), ("check_errors", "bad")] {
        let is_it = |line: &&str| {
            line.starts_with(&format!("nginx_ingress_controller_{name}{{"))
                && line.contains(&format!("ingress={ingress:?}"))
        };
        let line = answer.text().lines().find(is_it);
        assert!(line.is_some_and(|line| line.ends_with(" 1")), "{name}: {line:?}\n{}", answer.text());
    }
}
