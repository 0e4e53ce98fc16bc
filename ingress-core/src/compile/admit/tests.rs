use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::annotation::PREFIX;
use crate::route::ObjectName;

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// An Ingress of class nginx; `paths` are `host/path`, with `=` before an Exact one and `~` before an ImplementationSpecific one.
fn ingress(name: &str, created: u32, paths: &[&str], annotations: &[(&str, &str)]) -> Ingress {
    let (namespace, name) = name.split_once('/').unwrap();
    let rules: Vec<_> = paths
        .iter()
        .map(|text| {
            let kinds = [("Exact", '='), ("ImplementationSpecific", '~')];
            let kind = kinds.iter().find_map(|(kind, mark)| Some((*kind, text.strip_prefix(*mark)?)));
            let (kind, text) = kind.unwrap_or(("Prefix", text));
            let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
            let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
            json!({"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}})
        })
        .collect();
    let mut all: serde_json::Map<_, _> = annotations
        .iter()
        .map(|(name, value)| match name.contains('/') {
            true => ((*name).to_owned(), json!(value)),
            false => (format!("{PREFIX}{name}"), json!(value)),
        })
        .collect();
    all.entry("kubernetes.io/ingress.class").or_insert(json!("nginx"));
    let created = (created > 0).then(|| format!("2024-01-01T00:00:{created:02}Z"));
    read(json!({
        "metadata": {"namespace": namespace, "name": name, "creationTimestamp": created, "annotations": all},
        "spec": {"rules": rules},
    }))
}

fn objects(ingresses: Vec<Ingress>, settings: &[(&str, &str)]) -> Objects {
    let data: serde_json::Map<_, _> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let slice = json!({
        "metadata": {"namespace": "shop", "name": "web", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.0.0.1"]}],
    });
    Objects {
        ingresses: ingresses.into_iter().map(Arc::new).collect(),
        services: vec![Arc::new(read(json!({
            "metadata": {"namespace": "shop", "name": "web"}, "spec": {"ports": [{"port": 80}]},
        })))],
        endpoint_slices: vec![Arc::new(read(slice))],
        config_maps: vec![Arc::new(read(json!({
            "metadata": {"namespace": "ingress", "name": "config"}, "data": data,
        })))],
        ..Objects::default()
    }
}

fn options() -> Options {
    Options {
        config_map: Some(ObjectName { namespace: "ingress".into(), name: "config".into() }),
        ..Options::default()
    }
}

fn refused(objects: &Objects, candidate: &Ingress) -> Option<String> {
    admit(objects, &options(), candidate).refused
}

fn alone(candidate: &Ingress, settings: &[(&str, &str)]) -> Verdict {
    admit(&objects(vec![], settings), &options(), candidate)
}

#[test]
fn what_nobody_else_has_passes() {
    let objects = objects(vec![ingress("shop/old", 1, &["a.com/x"], &[])], &[]);
    let candidate = ingress("shop/new", 0, &["a.com/y", "b.com/x", "a.com/x/y"], &[]);
    assert_eq!(admit(&objects, &options(), &candidate), Verdict::default());
}

#[test]
fn a_path_that_another_ingress_has_is_refused() {
    let objects = objects(
        vec![
            ingress("shop/old", 1, &["a.com/x", "/all", "a.com/"], &[]),
            ingress("web/old", 2, &["b.com"], &[]),
        ],
        &[],
    );
    for (path, message) in [
        ("a.com/x", "host \"a.com\" and path \"/x\" is already defined in ingress shop/old"),
        ("=a.com/x", "host \"a.com\" and path \"/x\" is already defined in ingress shop/old"),
        ("A.com/x", "host \"A.com\" and path \"/x\" is already defined in ingress shop/old"),
        ("/all", "host \"_\" and path \"/all\" is already defined in ingress shop/old"),
        ("b.com/", "host \"b.com\" and path \"/\" is already defined in ingress web/old"),
    ] {
        assert_eq!(
            refused(&objects, &ingress("shop/new", 0, &[path], &[])).as_deref(),
            Some(message),
            "{path}"
        );
    }
    // Another text for the same path is no overlap in ingress-nginx; here it loses, and is told so.
    let verdict = admit(&objects, &options(), &ingress("shop/new", 0, &["~a.com/%78"], &[]));
    assert_eq!(verdict.refused, None);
    assert!(verdict.warnings[0].contains("is taken by ingress shop/old"), "{verdict:?}");
}

#[test]
fn who_is_about_to_be_created_is_the_newest() {
    // The API server dates it before it asks: in whole seconds, and by its own clock.
    let objects = objects(vec![ingress("shop/old", 2, &["a.com/x"], &[])], &[]);
    for (name, created) in [("shop/a", 2), ("shop/z", 2), ("shop/new", 1)] {
        assert!(refused(&objects, &ingress(name, created, &["a.com/x"], &[])).is_some(), "{name}");
    }
}

#[test]
fn an_ingress_may_be_changed() {
    let objects =
        objects(vec![ingress("shop/a", 1, &["a.com/x"], &[]), ingress("shop/b", 2, &["a.com/y"], &[])], &[]);
    assert_eq!(refused(&objects, &ingress("shop/a", 1, &["a.com/x", "=a.com/z"], &[])), None);
    assert!(refused(&objects, &ingress("shop/b", 2, &["a.com/x"], &[])).is_some());
    // The older one wins, so it may, as in ingress-nginx; but it is told what it does.
    let verdict = admit(&objects, &options(), &ingress("shop/a", 1, &["a.com/y"], &[]));
    assert_eq!(verdict.refused, None);
    assert_eq!(
        verdict.warnings,
        [
            "host \"a.com\" and path \"/y\" is also defined in ingress shop/b, which is younger and gets no requests for it"
        ]
    );
}

#[test]
fn canaries_share_paths_with_others_but_not_with_canaries() {
    let primary = || ingress("shop/web", 1, &["a.com/"], &[]);
    let canary = |name, value| ingress(name, 0, &["a.com/"], &[("canary", value)]);
    let with = |others: Vec<Ingress>, candidate: &Ingress| refused(&objects(others, &[]), candidate);
    assert_eq!(with(vec![primary()], &canary("shop/c", "true")), None);
    assert_eq!(with(vec![primary()], &canary("shop/c", "false")), None);
    assert_eq!(with(vec![canary("shop/c", "false")], &primary()), None);
    assert_eq!(with(vec![canary("shop/c", "true")], &primary()), None);
    let other = canary("shop/d", "true");
    assert!(with(vec![canary("shop/c", "true")], &other).unwrap().ends_with("in ingress shop/c"));
    assert_eq!(with(vec![primary(), canary("shop/c", "true")], &other), None);
}

#[test]
fn objects_of_others_pass() {
    let objects = objects(vec![ingress("shop/old", 1, &["a.com/x"], &[])], &[]);
    let class = [("kubernetes.io/ingress.class", "other"), ("x.example.com/a-snippet", "deny all;")];
    let mut other = ingress("shop/new", 0, &["a.com/x", "a.com/{}"], &class);
    assert_eq!(admit(&objects, &options(), &other), Verdict::default());
    let options = Options { watch_namespace: "web".into(), ..options() };
    let ours = ingress("shop/new", 0, &["a.com/x"], &[]);
    assert_eq!(admit(&objects, &options, &ours), Verdict::default());
    // An Ingress that is of another class takes no paths.
    assert_eq!(refused(&self::objects(vec![other.clone()], &[]), &ours), None);
    // What is being deleted has to be let go.
    other.metadata.annotations = ours.metadata.annotations;
    assert!(refused(&objects, &other).is_some());
    other.metadata.deletion_timestamp = Some(read(json!("2024-01-01T00:00:00Z")));
    assert_eq!(refused(&objects, &other), None);
}

#[test]
fn namespaces_are_picked_by_their_labels() {
    let mut objects = objects(vec![ingress("web/old", 1, &["a.com/x"], &[])], &[]);
    for (name, team) in [("shop", "a"), ("web", "a"), ("test", "b")] {
        let namespace = json!({"metadata": {"name": name, "labels": {"team": team}}});
        objects.namespaces.push(Arc::new(read(namespace)));
    }
    let options = Options { namespace_selector: "team=a".parse().unwrap(), ..options() };
    let verdict = |name| admit(&objects, &options, &ingress(name, 0, &["a.com/x"], &[]));
    assert!(verdict("shop/new").refused.unwrap().ends_with("in ingress web/old"));
    assert_eq!(verdict("test/new"), Verdict::default());
    assert_eq!(verdict("unknown/new"), Verdict::default());
}

#[test]
fn suspect_texts_are_refused_whatever_the_class() {
    let class = [("kubernetes.io/ingress.class", "other")];
    let candidate = ingress("shop/new", 0, &["~a.com/x;content_by_lua_block"], &class);
    let message = alone(&candidate, &[]).refused.unwrap();
    assert!(
        message.starts_with("spec.rules[0].http.paths[0].path: \"/x;content_by_lua_block\""),
        "{message}"
    );
    let mut candidate = ingress("shop/new", 0, &["a.com/x"], &class);
    candidate.spec.as_mut().unwrap().tls = Some(vec![read(json!({"secretName": "/etc/passwd"}))]);
    assert!(alone(&candidate, &[]).refused.unwrap().starts_with("spec.tls[0].secretName"));
}

#[test]
fn unusual_characters_in_paths_are_refused_unless_that_is_off() {
    let candidate = ingress("shop/new", 0, &["a.com/a~b", "=a.com/é"], &[]);
    let verdict = alone(&candidate, &[]);
    assert!(
        verdict.refused.unwrap().starts_with("path /a~b cannot be used with pathType Prefix; use letters"),
    );
    let warnings =
        ["path /a~b cannot be used with pathType Prefix", "path /é cannot be used with pathType Exact"];
    assert_eq!(verdict.warnings, warnings);
    let verdict = alone(&candidate, &[("strict-validate-path-type", "false")]);
    assert_eq!((verdict.refused, &verdict.warnings[..]), (None, &warnings.map(String::from)[..]));
    let free = ingress("shop/new", 0, &["~a.com/a~b", "a.com"], &[]);
    assert_eq!(alone(&free, &[]), Verdict::default());
}

#[test]
fn annotations_are_checked() {
    let verdict =
        |name, value, settings| alone(&ingress("shop/new", 0, &["a.com/x"], &[(name, value)]), settings);
    let refusal = |name, value, settings| verdict(name, value, settings).refused.unwrap_or_default();
    let allow: &[_] = &[("allow-snippet-annotations", "true"), ("annotations-risk-level", "Critical")];
    for settings in [&[][..], allow] {
        let message = refusal("configuration-snippet", "add_header A b;", settings);
        assert!(message.contains("nginx directives are never run"), "{message}");
        assert!(refusal("example.com/server-snippet", "x", settings).contains("example.com/server-snippet"));
    }
    assert_eq!(
        refusal("limit-rps", "five", &[]),
        "annotation nginx.ingress.kubernetes.io/limit-rps: expected a whole number, got \"five\""
    );
    assert_eq!(
        refusal("auth-url", "http://a", &[("annotations-risk-level", "Medium")]),
        "annotation nginx.ingress.kubernetes.io/auth-url: its risk is High, and annotations-risk-level allows no more than Medium"
    );
    let words: &[_] = &[("annotation-value-word-blocklist", "lua, load_module")];
    assert!(refusal("app-root", "/load_module", words).contains("contains the word \"load_module\""));
    assert_eq!(verdict("app-root", "/load", words).refused, None);
    assert_eq!(verdict("other.example.com/x", "lua", words), Verdict::default());
    // ingress-nginx takes the default for these.
    let verdict = verdict("proxy-read-timeout", "5x", &[]);
    assert_eq!(verdict.refused, None);
    assert!(verdict.warnings[0].contains("expected whole seconds"), "{verdict:?}");
}

#[test]
fn defects_that_do_not_refuse_are_warnings() {
    let mut candidate = ingress("web/new", 0, &["a.com/x"], &[("auth-url", "http://a"), ("made-up", "x")]);
    candidate.spec.as_mut().unwrap().tls = Some(vec![read(json!({"secretName": "cert"}))]);
    let warnings = alone(&candidate, &[]).warnings;
    for part in ["made-up", "answered 503; remove it only"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:#?}");
    }
}

#[test]
fn whether_other_objects_exist_is_not_told() {
    let mut candidate = ingress("web/new", 0, &["a.com/x"], &[]);
    let without = alone(&candidate, &[]).warnings;
    candidate.spec.as_mut().unwrap().tls = Some(vec![read(json!({"secretName": "cert"}))]);
    let with = alone(&candidate, &[]).warnings;
    for warnings in [&without, &with] {
        let tells = |warning: &String| warning.contains("secret \"") || warning.contains("service \"");
        assert!(!warnings.iter().any(tells), "{warnings:#?}");
    }
}

#[test]
fn a_default_backend_is_refused_where_the_flag_forbids_it() {
    let mut candidate = ingress("shop/new", 0, &["a.com/x"], &[]);
    candidate.spec.as_mut().unwrap().default_backend =
        Some(read(json!({"service": {"name": "web", "port": {"number": 80}}})));
    assert_eq!(alone(&candidate, &[]).refused, None);
    let options = Options { disable_catch_all: true, ..options() };
    let refused = admit(&objects(vec![], &[]), &options, &candidate).refused.unwrap();
    assert!(refused.contains("--disable-catch-all"), "{refused}");
}

#[test]
fn who_answers_for_all_hosts_already_is_told() {
    let catch_all = |name| {
        let mut ingress = ingress(name, 0, &[], &[]);
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        ingress.spec = Some(read(json!({"defaultBackend": backend})));
        ingress
    };
    let verdict = admit(&objects(vec![catch_all("shop/old")], &[]), &options(), &catch_all("shop/new"));
    assert_eq!(verdict.refused, None);
    assert!(verdict.warnings[0].contains("another ingress takes all hosts already"), "{verdict:?}");
    assert_eq!(alone(&catch_all("shop/new"), &[]), Verdict::default());
}

/// What was meant is looked for only for some of them, as an Ingress may have thousands.
#[test]
fn unknown_annotations_are_named_as_far_as_that_helps() {
    let warnings = |count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("proxy-redirect-fro{number}")).collect();
        let annotations: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        alone(&ingress("shop/new", 0, &["a.com/"], &annotations), &[]).warnings
    };
    assert_eq!(warnings(20).len(), 20);
    let many = warnings(5000);
    assert_eq!(many.len(), 21);
    assert!(many.iter().any(|warning| warning.contains("4980 more annotations")), "{many:#?}");
}

/// The work grows with the number of paths, not with its square: that would be minutes here.
#[test]
fn thousands_of_paths_are_soon_judged() {
    let paths: Vec<_> = (0..20_000).map(|number| format!("a.com/p{number}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let (younger, candidate) = (ingress("shop/young", 2, &paths, &[]), ingress("shop/old", 1, &paths, &[]));
    let objects = objects(vec![younger, ingress("shop/old", 1, &[], &[])], &[]);
    let start = std::time::SystemTime::now();
    let verdict = admit(&objects, &options(), &candidate);
    assert_eq!((verdict.refused, verdict.warnings.len()), (None, 20_000));
    let time = start.elapsed().unwrap();
    assert!(time.as_secs() < 10, "{time:?}");
}

#[test]
fn the_verdict_is_that_of_a_whole_compile() {
    let many: Vec<_> = (1..50)
        .map(|number| {
            let paths = [format!("h{}.com/p{}", number % 7, number % 11), format!("h{}.com/", number % 5)];
            let paths: Vec<_> = paths.iter().map(String::as_str).collect();
            ingress(&format!("shop/i{number}"), number, &paths, &[])
        })
        .collect();
    for number in 0..20 {
        let candidate = ingress("shop/new", 0, &[&format!("h{}.com/p{}", number % 7, number % 13)], &[]);
        let mut all = objects(many.clone(), &[]);
        let verdict = admit(&all, &options(), &candidate);
        all.ingresses.push(Arc::new(subset::dated(&all, &candidate)));
        let report = compile(&all, &options()).report;
        let object = reference("ingress", &candidate.metadata);
        let lost = report
            .findings
            .iter()
            .any(|finding| finding.object == object && finding.reason == "PathConflict");
        assert_eq!(verdict.refused.is_some(), lost, "{number}: {verdict:?}");
    }
}
