//! Certificates from compile to compile: read once, the same while they are, and new as soon as they have changed.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "load/certificates.rs"]
mod load;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use ingress_core::tls::{ClientAuth, Guard, ServerTls};
use ingress_core::{
    Certificate, Compiled, Compiler, Objects, Options, Snapshot, TlsCheck, compile, recompile,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};

thread_local! {
    /// How many certificates were checked by this thread, which is when they have been read.
    static READ: Cell<usize> = const { Cell::new(0) };
}

fn reads(compile: impl FnOnce()) -> usize {
    READ.set(0);
    compile();
    READ.get()
}

fn options() -> Options {
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let count = |_: &Certificate| {
        READ.set(READ.get() + 1);
        Ok(())
    };
    options.tls_check = TlsCheck::new(count, |_| Ok(()));
    options
}

fn ingress(name: &str, annotations: &Value) -> Arc<Ingress> {
    Arc::new(
        serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
            "spec": {
                "rules": [{"host": format!("{name}.com")}],
                "tls": [{"hosts": [format!("{name}.com")], "secretName": name}],
            },
        }))
        .unwrap(),
    )
}

fn secret(name: &str, wishes: &Value) -> Arc<Secret> {
    let meta = json!({"namespace": "shop", "name": name, "annotations": wishes});
    let mut secret = serde_json::from_value(json!({"metadata": meta, "type": "kubernetes.io/tls"})).unwrap();
    load::fill(&mut secret);
    Arc::new(secret)
}

fn certificate_for(names: &str) -> Value {
    json!({"make": "certificate", "names": names, "until": "2024-06-20"})
}

fn two_hosts() -> Objects {
    let mut objects = Objects::default();
    objects.ingresses = vec![ingress("a", &Value::Null), ingress("b", &Value::Null)];
    objects.secrets = vec![secret("a", &certificate_for("a.com")), secret("b", &certificate_for("b.com"))];
    objects
}

fn held(snapshot: &Snapshot, name: &str) -> Arc<Certificate> {
    snapshot.tls.certificate(Some(name)).unwrap().clone()
}

#[test]
fn an_unchanged_secret_is_not_read_again_and_a_changed_one_is() {
    let mut objects = two_hosts();
    let mut compiler = Compiler::new(options());
    assert_eq!(reads(|| _ = compiler.compile(&objects)), 2);
    let first = compiler.compiled().snapshot.clone();
    // Another part changes.
    objects.ingresses.push(ingress("c", &Value::Null));
    assert_eq!(reads(|| _ = compiler.compile(&objects)), 0);
    let second = compiler.compiled().snapshot.clone();
    assert!(Arc::ptr_eq(&held(&first, "a.com"), &held(&second, "a.com")));
    objects.secrets[0] = secret("a", &certificate_for("a.com"));
    assert_eq!(reads(|| _ = compiler.compile(&objects)), 1);
    let third = compiler.compiled().snapshot.clone();
    assert_ne!(held(&second, "a.com"), held(&third, "a.com"));
    assert!(Arc::ptr_eq(&held(&second, "b.com"), &held(&third, "b.com")));
    // Nothing changes: nor does the table.
    compiler.compile(&objects);
    assert!(Arc::ptr_eq(&third.tls, &compiler.compiled().snapshot.tls));
}

#[test]
fn a_secret_changed_in_place_is_another_one() {
    let mut objects = two_hosts();
    let mut compiler = Compiler::new(options());
    compiler.compile(&objects);
    let other = secret("a", &certificate_for("a.com"));
    // Nobody else holds it, so this writes where it is.
    Arc::make_mut(&mut objects.secrets[0]).string_data.clone_from(&other.string_data);
    compiler.compile(&objects);
    assert_eq!(compiler.compiled().snapshot, compile(&objects, &options()).snapshot);
}

#[test]
fn nothing_keeps_a_secret_alive() {
    let mut objects = two_hosts();
    let mut compiler = Compiler::new(options());
    compiler.compile(&objects);
    let gone = objects.secrets.remove(0);
    assert_eq!(Arc::strong_count(&gone), 1);
    assert_ne!(Arc::weak_count(&gone), 0);
    compiler.compile(&objects);
    assert_eq!(Arc::weak_count(&gone), 0);
}

#[test]
fn an_equal_secret_read_from_elsewhere_gives_the_same_certificate() {
    let mut objects = two_hosts();
    let first = compile(&objects, &options()).snapshot;
    objects.secrets[0] = Arc::new((*objects.secrets[0]).clone());
    let second = recompile(&first, &objects, &options()).snapshot;
    assert!(Arc::ptr_eq(&first.tls, &second.tls));
    objects.secrets[1] = secret("b", &certificate_for("b.com"));
    let third = recompile(&first, &objects, &options()).snapshot;
    assert!(Arc::ptr_eq(&held(&first, "a.com"), &held(&third, "a.com")));
    assert_ne!(held(&first, "b.com"), held(&third, "b.com"));
}

#[test]
fn one_secret_of_many_ingresses_is_read_once() {
    let mut objects = two_hosts();
    objects.ingresses = (0..50)
        .map(|number| {
            let mut ingress = (*ingress(&format!("x{number}"), &Value::Null)).clone();
            ingress.spec.as_mut().unwrap().tls.as_mut().unwrap()[0].secret_name = Some("a".into());
            Arc::new(ingress)
        })
        .collect();
    assert_eq!(reads(|| _ = compile(&objects, &options())), 1);
}

#[test]
fn a_key_of_another_certificate_leaves_the_default_in_place() {
    let mut options = options();
    options.tls_check = TlsCheck::new(|_| Err("they do not fit".into()), |_| Ok(()));
    let mut fallback = Objects::default();
    fallback.ingresses = vec![ingress("d", &Value::Null)];
    fallback.secrets = vec![secret("d", &certificate_for("d.com"))];
    options.fallback_certificate = Some(held(&compile(&fallback, &self::options()).snapshot, "d.com"));
    let Compiled { snapshot, report, .. } = compile(&two_hosts(), &options);
    assert_eq!(&*held(&snapshot, "a.com").name, "shop/d");
    assert!(snapshot.tls.has_certificate("a.com") && !snapshot.tls.has_certificate("c.com"));
    let reasons: Vec<_> = report.findings.iter().map(|finding| finding.reason).collect();
    assert_eq!(reasons, ["KeyMismatch", "KeyMismatch"]);
    let text = format!("{report:?}");
    assert!(text.contains("they do not fit") && !text.contains("PRIVATE"), "{text}");
}

#[test]
fn time_alone_changes_the_report() {
    const DAY: i64 = 24 * 3600;
    let end = 1_718_841_600;
    let mut objects = two_hosts();
    let mut compiler = Compiler::new(options());
    let reasons = |compiled: &Compiled| -> BTreeSet<_> {
        compiled.report.findings.iter().map(|finding| finding.reason).collect()
    };
    compiler.compile(&objects);
    assert_eq!(reasons(compiler.compiled()), BTreeSet::new());
    let soon = end - 10 * DAY;
    for (now, reason) in [
        (soon, None),
        (soon + 1, Some("CertificateExpiring")),
        (end, Some("CertificateExpiring")),
        (end + 1, Some("CertificateExpired")),
        (soon, None),
    ] {
        objects.now = Some(now);
        // Not even a compile without any change leaves what is not true any more.
        let compiled = compiler.compile(&objects);
        assert_eq!(reasons(compiled), reason.into_iter().collect(), "{now}");
        assert_eq!(compiled.report, compile(&objects, &options()).report);
    }
}

#[test]
fn a_certificate_is_valid_from_its_first_second_on() {
    let mut objects = two_hosts();
    let begin = held(&compile(&objects, &options()).snapshot, "a.com").facts.not_before;
    for (now, findings) in [(begin - 1, 2), (begin, 0)] {
        objects.now = Some(now);
        assert_eq!(compile(&objects, &options()).report.findings.len(), findings, "{now}");
    }
}

fn asking(pattern: &str) -> Objects {
    let mut objects = Objects::default();
    let annotations = json!({
        "nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca",
        "nginx.ingress.kubernetes.io/auth-tls-match-cn": pattern,
    });
    objects.ingresses = vec![ingress("a", &annotations), ingress("b", &annotations)];
    objects.secrets = vec![secret("ca", &json!({"make": "authority"}))];
    objects
}

fn server(snapshot: &Snapshot, host: &str) -> Arc<ServerTls> {
    snapshot.tls.server(&snapshot.routes, host).unwrap().clone()
}

fn ready(server: &ServerTls) -> Arc<ClientAuth> {
    match &server.client_auth {
        Some(Guard::Ready(auth)) => auth.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn hosts_that_ask_the_same_of_clients_keep_it_when_others_change() {
    let mut objects = asking("CN=a");
    let mut compiler = Compiler::new(options());
    compiler.compile(&objects);
    let first = compiler.compiled().snapshot.clone();
    assert!(Arc::ptr_eq(&ready(&server(&first, "a.com")).trust, &ready(&server(&first, "b.com")).trust));
    objects.ingresses[1] = asking("CN=b").ingresses[1].clone();
    compiler.compile(&objects);
    let second = compiler.compiled().snapshot.clone();
    assert!(Arc::ptr_eq(&server(&first, "a.com"), &server(&second, "a.com")));
    assert_ne!(server(&first, "b.com"), server(&second, "b.com"));
    // The authorities are others, so all is another.
    objects.secrets = asking("CN=a").secrets;
    compiler.compile(&objects);
    assert_ne!(server(&second, "a.com"), server(&compiler.compiled().snapshot, "a.com"));
}

#[test]
fn authorities_that_cannot_be_used_close_the_host() {
    let mut options = options();
    options.tls_check = TlsCheck::new(|_| Ok(()), |_| Err("no good".into()));
    let Compiled { snapshot, report, .. } = compile(&asking("CN=a"), &options);
    assert!(
        matches!(&server(&snapshot, "a.com").client_auth, Some(Guard::Denied(reason)) if reason.contains("no good"))
    );
    assert!(report.findings.iter().any(|finding| finding.reason == "InvalidSecret"));
}

#[test]
fn equal_authorities_of_several_secrets_are_one() {
    // Else each of thousands of hosts would compare a megabyte.
    let mut objects = asking("CN=a");
    let authorities = objects.secrets[0].string_data.clone();
    let mut other = Secret { string_data: authorities, ..Secret::default() };
    (other.metadata.namespace, other.metadata.name) = (Some("shop".into()), Some("same".into()));
    objects.secrets.push(Arc::new(other));
    let annotation = json!({"nginx.ingress.kubernetes.io/auth-tls-secret": "shop/same"});
    objects.ingresses[1] = ingress("b", &annotation);
    let mut compiler = Compiler::new(options());
    let mut trusts = Vec::new();
    for _ in 0..2 {
        let snapshot = compiler.compile(&objects).snapshot.clone();
        trusts.extend(["a.com", "b.com"].map(|host| ready(&server(&snapshot, host)).trust.clone()));
        // Written anew, with nothing new in it.
        objects.secrets = objects.secrets.iter().map(|secret| Arc::new(Secret::clone(secret))).collect();
    }
    assert!(trusts.iter().all(|trust| Arc::ptr_eq(trust, &trusts[0])));
}
