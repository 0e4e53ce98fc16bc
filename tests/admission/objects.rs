//! Kubernetes objects in a few words.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

/// The prefix of ingress-nginx's annotations.
pub(crate) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// An Ingress of class nginx, all of whose paths lead to the Service `web` of its namespace. `name` is `namespace/name`. A path is written
/// `host/path`, with `=` before an Exact one and `~` before an ImplementationSpecific one.
pub(crate) fn ingress(name: &str, paths: &[&str]) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    let rules: Vec<_> = paths.iter().map(|path| rule(path)).collect();
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "ingressClassName": "nginx", "rules": rules },
    })
}

fn rule(text: &str) -> Value {
    let marked = [("Exact", '='), ("ImplementationSpecific", '~')];
    let marked = marked.iter().find_map(|(path_type, mark)| Some((*path_type, text.strip_prefix(*mark)?)));
    let (path_type, text) = marked.unwrap_or(("Prefix", text));
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let path = json!({ "path": path, "pathType": path_type, "backend": web() });
    match host {
        "" => json!({ "http": { "paths": [path] } }),
        host => json!({ "host": host, "http": { "paths": [path] } }),
    }
}

/// A backend: port 80 of the Service `web`.
pub(crate) fn web() -> Value {
    json!({ "service": { "name": "web", "port": { "number": 80 } } })
}

/// The same with an annotation; a name without a slash is one of ingress-nginx.
pub(crate) fn annotated(mut ingress: Value, name: &str, value: &str) -> Value {
    let prefix = if name.contains('/') { "" } else { PREFIX };
    ingress["metadata"]["annotations"][format!("{prefix}{name}")] = json!(value);
    ingress
}

/// The same for another class.
pub(crate) fn of_class(mut ingress: Value, class: &str) -> Value {
    ingress["spec"]["ingressClassName"] = json!(class);
    ingress
}

/// The class nginx.
pub(crate) fn class() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": { "name": "nginx" },
        "spec": { "controller": "k8s.io/ingress-nginx" },
    })
}

/// A Service with port 80, and one endpoint of it. `name` is `namespace/name`.
pub(crate) fn service(name: &str, endpoint: SocketAddr) -> [Value; 2] {
    let (namespace, name) = name.split_once('/').unwrap();
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "ports": [{ "port": 80 }] },
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": { "namespace": namespace, "name": name, "labels": { "kubernetes.io/service-name": name } },
        "addressType": "IPv4",
        "ports": [{ "port": endpoint.port() }],
        "endpoints": [{ "addresses": [endpoint.ip()] }],
    });
    [service, slice]
}

/// The ConfigMap of the controller.
pub(crate) fn settings(data: &[(&str, &str)]) -> Value {
    let data: Map<_, _> = data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "namespace": "ingress", "name": "settings" },
        "data": data,
    })
}
