//! What one tenant of a cluster can do to the others: nothing.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(clippy::disallowed_types)] // there is no runtime here whose time could stand still

#[path = "load/certificates.rs"]
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ingress_core::{Compiler, ObjectName, Objects, Options, compile};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};

fn options() -> Options {
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    options
}

fn ingress(namespace: &str, name: &str, annotations: &Value, spec: &Value) -> Arc<Ingress> {
    let meta = json!({"namespace": namespace, "name": name, "annotations": annotations});
    Arc::new(serde_json::from_value(json!({"metadata": meta, "spec": spec})).unwrap())
}

fn secret(namespace: &str, name: &str, wishes: &Value) -> Arc<Secret> {
    let meta = json!({"namespace": namespace, "name": name, "annotations": wishes});
    let mut secret = serde_json::from_value(json!({"metadata": meta, "type": "kubernetes.io/tls"})).unwrap();
    load::fill(&mut secret);
    Arc::new(secret)
}

/// Something of no effect here that is for all, so that everything is compiled.
fn for_all(objects: &mut Objects) {
    objects.ingress_classes_known = !objects.ingress_classes_known;
}

/// How long a compile takes when everything was there before: the longer of a compile of everything, and of what one Ingress has to do with.
fn again(objects: &Objects) -> Duration {
    let mut compiler = Compiler::new(options());
    let mut objects = objects.clone();
    compiler.compile(&objects);
    let mut time = |objects: &Objects| {
        let start = Instant::now();
        compiler.compile(objects);
        start.elapsed()
    };
    for_all(&mut objects);
    let whole = time(&objects);
    Arc::make_mut(&mut objects.ingresses[0]).metadata.labels =
        Some([("a".to_owned(), "b".to_owned())].into());
    whole.max(time(&objects))
}

/// Measured: the linear way takes a fraction of a second unoptimized, one that looks at every entry for every host takes minutes.
const SOON: Duration = Duration::from_secs(8);

#[test]
fn thousands_of_hosts_and_entries_hold_nobody_up() {
    const MANY: usize = 20_000;
    let hosts: Vec<_> = (0..MANY).map(|number| format!("{number}.a")).collect();
    let rules: Vec<_> = hosts.iter().map(|host| json!({"host": host})).collect();
    let entries = hosts.iter().map(|host| json!({"hosts": [host], "secretName": "a"}));
    let names: Vec<_> = (0..MANY).map(|number| json!({"secretName": format!("b{number}")})).collect();
    let mut objects = Objects::default();
    for (name, entries) in [("listed", entries.collect::<Vec<_>>()), ("unlisted", names)] {
        objects.ingresses =
            vec![ingress("shop", name, &Value::Null, &json!({"rules": rules, "tls": entries}))];
        let took = again(&objects);
        assert!(took < SOON, "{name}: {took:?}");
    }
}

fn annotation(name: &str, value: &str) -> Value {
    json!({(format!("nginx.ingress.kubernetes.io/{name}")): value})
}

#[test]
fn expressions_hold_nobody_up() {
    // As large as an expression may be, and too large; on hosts that they have, and on one that is another namespace's.
    let pattern = |number: usize| format!("CN={number}((\\w{{1,9}}){{1,9}}){{1,{}}}", 1 + number % 2 * 90);
    let mut objects = Objects::default();
    objects.secrets = vec![secret("evil", "ca", &json!({"make": "authority"}))];
    objects.ingresses = vec![ingress("a", "first", &Value::Null, &json!({"rules": [{"host": "a.com"}]}))];
    for number in 0..60 {
        let mut annotations = annotation("auth-tls-match-cn", &pattern(number));
        annotations["nginx.ingress.kubernetes.io/auth-tls-secret"] = json!("evil/ca");
        let host = if number < 40 { format!("{number}.com") } else { "a.com".to_owned() };
        let rules = json!({"rules": [{"host": host}]});
        objects.ingresses.push(ingress("evil", &format!("x{number}"), &annotations, &rules));
    }
    let mut compiler = Compiler::new(options());
    let mut time = |compiler: &mut Compiler| {
        for_all(&mut objects);
        let start = Instant::now();
        compiler.compile(&objects);
        start.elapsed()
    };
    let first = time(&mut compiler);
    // Another process may have the core for a while.
    let second = (0..5).map(|_| time(&mut compiler)).min().unwrap();
    assert!(second * 10 < first, "{first:?}, then {second:?}");
}

#[test]
fn secrets_towards_endpoints_are_read_once() {
    thread_local! {
        static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }
    let mut options = options();
    options.tls_check.trust = |_| {
        READ.set(READ.get() + 1);
        Ok(())
    };
    let mut objects = Objects::default();
    objects.secrets = vec![secret("a", "ca", &json!({"make": "authority"}))];
    let rules = json!({"rules": [{"host": "a.com"}]});
    objects.ingresses = vec![ingress("a", "a", &annotation("proxy-ssl-secret", "a/ca"), &rules)];
    let mut compiler = Compiler::new(options);
    for number in 0..3 {
        compiler.compile(&objects);
        for_all(&mut objects);
        compiler.compile(&objects);
        let rules = json!({"rules": [{"host": format!("{number}.com")}]});
        let name = format!("a{number}");
        objects.ingresses.push(ingress("a", &name, &annotation("proxy-ssl-secret", "a/ca"), &rules));
    }
    compiler.compile(&objects);
    assert_eq!(READ.get(), 1);
}

#[test]
fn a_wildcard_of_another_namespace_is_for_no_host_of_mine() {
    let mut objects = Objects::default();
    objects.secrets = vec![secret("evil", "all", &json!({"make": "certificate", "names": "*.a.com"}))];
    objects.ingresses = vec![
        ingress("shop", "plain", &Value::Null, &json!({"rules": [{"host": "www.a.com"}]})),
        ingress(
            "evil",
            "all",
            &Value::Null,
            &json!({"rules": [{"host": "*.a.com"}, {"host": "own.a.com"}], "tls": [{"hosts": ["*.a.com"], "secretName": "all"}]}),
        ),
        ingress("evil", "more", &Value::Null, &json!({"rules": [{"host": "more.a.com"}]})),
    ];
    let compiled = compile(&objects, &options());
    let tls = &compiled.snapshot.tls;
    let has = |host| (tls.has_certificate(host), tls.certificate(Some(host)).is_some());
    assert_eq!(has("www.a.com"), (false, false));
    assert_eq!((has("more.a.com"), has("nobody.a.com")), ((true, true), (true, true)));
    let told: Vec<_> =
        compiled.report.findings.iter().filter(|finding| finding.reason == "ForeignCertificate").collect();
    assert_eq!((told.len(), &*told[0].object.namespace), (1, "shop"));
    // Unless that is allowed.
    objects.config_maps = vec![Arc::new(
        serde_json::from_value(json!({"metadata": {"namespace": "a", "name": "settings"}, "data": {"allow-cross-namespace-resources": "true"}})).unwrap(),
    )];
    let mut options = options();
    options.config_map = Some(ObjectName { namespace: "a".into(), name: "settings".into() });
    let tls = compile(&objects, &options).snapshot.tls;
    assert!(tls.has_certificate("www.a.com") && tls.certificate(Some("www.a.com")).is_some());
}

#[test]
fn a_wildcard_that_changes_hands_does_so_for_the_hosts_below() {
    let wildcard =
        json!({"rules": [{"host": "*.a.com"}], "tls": [{"hosts": ["*.a.com"], "secretName": "all"}]});
    let of = |namespace: &str| ingress(namespace, "all", &Value::Null, &wildcard);
    let mut objects = Objects::default();
    for namespace in ["shop", "zoo"] {
        objects.secrets.push(secret(namespace, "all", &json!({"make": "certificate", "names": "*.a.com"})));
    }
    objects.ingresses =
        vec![ingress("shop", "plain", &Value::Null, &json!({"rules": [{"host": "www.a.com"}]})), of("shop")];
    let mut compiler = Compiler::new(options());
    let mut has = |objects: &Objects| {
        let compiled = compiler.compile(objects);
        let whole = compile(objects, &options());
        assert_eq!(compiled.snapshot, whole.snapshot);
        assert_eq!(compiled.report, whole.report);
        compiled.snapshot.tls.has_certificate("www.a.com")
    };
    assert!(has(&objects));
    // Of the same age, the greater name comes first.
    objects.ingresses.push(of("zoo"));
    assert!(!has(&objects));
    objects.ingresses.pop();
    assert!(has(&objects));
}
