//! What one tenant of a cluster can do to the others: nothing.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

#[path = "load/certificates.rs"]
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ingress_core::{Compiler, Objects, Options};
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

/// How long a compile takes when everything was there before.
fn again(objects: &Objects) -> Duration {
    let mut compiler = Compiler::new(options());
    compiler.compile(objects);
    let start = Instant::now();
    compiler.compile(objects);
    start.elapsed()
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
        objects.ingresses = vec![ingress("shop", name, &Value::Null, &json!({"rules": rules, "tls": entries}))];
        let took = again(&objects);
        assert!(took < SOON, "{name}: {took:?}");
    }
}
