//! What the ServiceAccount may do: what the controller needs, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::objects::{Objects, label, list, read, text};

/// Rules as lines `verb group/resource[ name]`.
fn rules(role: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for rule in list(&role["rules"]) {
        let names: Vec<_> =
            list(&rule["resourceNames"]).iter().map(|name| format!(" {}", text(name))).collect();
        let names = if names.is_empty() { vec![String::new()] } else { names };
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                for verb in list(&rule["verbs"]) {
                    for name in &names {
                        lines.insert(format!("{} {}/{}{name}", text(verb), text(group), text(resource)));
                    }
                }
            }
        }
    }
    lines
}

fn role(objects: &Objects, kind: &str, name: &str) -> BTreeSet<String> {
    rules(objects.find(kind, name).unwrap_or_else(|| panic!("{}: no {kind} {name}", objects.file)))
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// What becomes routes, and what is told back.
const OBJECTS: &[&str] = &[
    "create /events",
    "get networking.k8s.io/ingresses",
    "list /configmaps",
    "list /secrets",
    "list /services",
    "list discovery.k8s.io/endpointslices",
    "list networking.k8s.io/ingresses",
    "patch /events",
    "update networking.k8s.io/ingresses/status",
    "watch /configmaps",
    "watch /secrets",
    "watch /services",
    "watch discovery.k8s.io/endpointslices",
    "watch networking.k8s.io/ingresses",
];
const CLASSES: &[&str] = &["list networking.k8s.io/ingressclasses", "watch networking.k8s.io/ingressclasses"];
const NODES: &[&str] = &["list /nodes", "watch /nodes"];

fn own(lease: &str) -> BTreeSet<String> {
    let lease = |verb: &str| format!("{verb} coordination.k8s.io/leases {lease}");
    let mut lines = set(&["create coordination.k8s.io/leases", "list /pods", "watch /pods"]);
    lines.extend([lease("get"), lease("update")]);
    lines
}

#[test]
fn all_namespaces() {
    for (file, name, lease) in [
        ("deploy/manifests/deployment.yaml", "ingress-nginx", "ingress-nginx-leader"),
        ("tests/deploy/rendered/default.yaml", "ingress-nginx", "ingress-nginx-leader"),
        ("tests/deploy/rendered/existing.yaml", "edge-ingress-nginx", "ingress-controller-leader"),
    ] {
        let objects = read(file);
        assert_eq!(role(&objects, "ClusterRole", name), set(&[OBJECTS, CLASSES].concat()), "{file}");
        assert_eq!(role(&objects, "Role", name), own(lease), "{file}");
        assert_eq!(objects.of_kind("Role").count() + objects.of_kind("ClusterRole").count(), 2, "{file}");
    }
}

#[test]
fn without_a_service_the_nodes_are_read() {
    let objects = read("deploy/manifests/daemonset.yaml");
    let all = [OBJECTS, CLASSES, NODES].concat();
    assert_eq!(role(&objects, "ClusterRole", "ingress-nginx"), set(&all));
    assert_eq!(role(&objects, "Role", "ingress-nginx"), own("ingress-nginx-leader"));
}

#[test]
fn in_one_namespace_secrets_elsewhere_are_out_of_reach() {
    let objects = read("tests/deploy/rendered/scoped.yaml");
    assert_eq!(role(&objects, "ClusterRole", "edge-ingress-nginx"), set(&[CLASSES, NODES].concat()));
    assert_eq!(role(&objects, "Role", "edge-ingress-nginx-objects"), set(OBJECTS));
    let certificate = objects.find("Role", "edge-ingress-nginx-certificate").unwrap();
    assert_eq!(certificate["metadata"]["namespace"], "ingress");
    assert_eq!(rules(certificate), set(&["list /secrets wildcard", "watch /secrets wildcard"]));
    let objects_of = objects.find("Role", "edge-ingress-nginx-objects").unwrap();
    assert_eq!(objects_of["metadata"]["namespace"], "shop");
    let mut expected = own("edge-ingress-nginx-leader");
    expected.extend(set(&[
        "create /events",
        "list /configmaps",
        "list /services",
        "list discovery.k8s.io/endpointslices",
        "patch /events",
        "watch /configmaps",
        "watch /services",
        "watch discovery.k8s.io/endpointslices",
    ]));
    assert_eq!(role(&objects, "Role", "edge-ingress-nginx"), expected);
}

#[test]
fn bindings_bind_what_there_is_to_the_account_of_the_pod() {
    for objects in crate::objects::read_all() {
        let controller = objects.controller();
        let account = &controller["spec"]["template"]["spec"]["serviceAccountName"];
        for (kind, of) in [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")] {
            for binding in objects.of_kind(kind) {
                let place = format!("{}: {}", objects.file, label(binding));
                let role = &binding["roleRef"];
                assert_eq!(role["kind"], of, "{place}");
                let bound = objects.of_kind(of).any(|found| {
                    found["metadata"]["name"] == role["name"]
                        && found["metadata"]["namespace"] == binding["metadata"]["namespace"]
                });
                assert!(bound, "{place} names no {of}");
                let [subject] = list(&binding["subjects"]) else { panic!("{place}: not one subject") };
                assert_eq!(
                    (&subject["kind"], &subject["name"]),
                    (&"ServiceAccount".into(), account),
                    "{place}"
                );
                assert_eq!(subject["namespace"], controller["metadata"]["namespace"], "{place}");
            }
            assert_eq!(
                objects.of_kind(kind).count(),
                objects.of_kind(of).count(),
                "{}: {of} unbound",
                objects.file
            );
        }
    }
}
