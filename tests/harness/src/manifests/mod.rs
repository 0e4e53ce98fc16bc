//! Kubernetes objects in a few words.

mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use ingress_core::Objects;
use serde_json::{Value, json};

use crate::Upstream;

pub use tls::ServicePort;

/// The port of a Service, as an Ingress names it.
#[derive(Debug, Clone)]
pub struct Port(Value);

impl From<u16> for Port {
    fn from(number: u16) -> Self {
        Self(json!({ "number": number }))
    }
}

impl From<&str> for Port {
    fn from(name: &str) -> Self {
        Self(json!({ "name": name }))
    }
}

/// Objects, in the order in which they were added. A name without a namespace is in `default`.
///
/// `host`, `prefix` and the like go to the Ingress that was added last, and there to the last rule.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Manifests {
    documents: Vec<Value>,
    raw: Vec<(String, String)>,
}

impl Manifests {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an Ingress without a class; what follows describes it.
    pub fn ingress(mut self, name: &str) -> Self {
        self.documents.push(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata(name),
            "spec": {},
        }));
        self
    }

    fn latest(&mut self) -> &mut Value {
        let latest = self.documents.iter_mut().rev().find(|document| document["kind"] == "Ingress");
        latest.expect("an ingress to describe: call ingress() first")
    }

    /// Sets `spec.ingressClassName`.
    pub fn class(mut self, name: &str) -> Self {
        self.latest()["spec"]["ingressClassName"] = json!(name);
        self
    }

    /// Sets an annotation, whose name is given in full.
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.latest()["metadata"]["annotations"][name] = json!(value);
        self
    }

    /// Sets an annotation of ingress-nginx.
    pub fn nginx(self, name: &str, value: &str) -> Self {
        self.annotation(&format!("nginx.ingress.kubernetes.io/{name}"), value)
    }

    /// Sets the time of creation, as in `2026-01-31T00:00:00Z`: the older Ingress wins a conflict.
    pub fn created(mut self, time: &str) -> Self {
        self.latest()["metadata"]["creationTimestamp"] = json!(time);
        self
    }

    /// Begins a rule for a host; an empty one is a rule without a host.
    pub fn host(mut self, host: &str) -> Self {
        let rule = if host.is_empty() { json!({}) } else { json!({ "host": host }) };
        push(&mut self.latest()["spec"]["rules"], rule);
        self
    }

    /// Adds a path of type Prefix to the rule.
    pub fn prefix(self, path: &str, service: &str, port: impl Into<Port>) -> Self {
        self.path("Prefix", path, service, port)
    }

    /// Adds a path of type Exact to the rule.
    pub fn exact(self, path: &str, service: &str, port: impl Into<Port>) -> Self {
        self.path("Exact", path, service, port)
    }

    /// Adds a path to the rule.
    pub fn path(mut self, path_type: &str, path: &str, service: &str, port: impl Into<Port>) -> Self {
        let backend = backend(service, &port.into());
        let path = json!({ "path": path, "pathType": path_type, "backend": backend });
        let rules = &mut self.latest()["spec"]["rules"];
        let rule =
            rules.as_array_mut().and_then(|rules| rules.last_mut()).expect("a rule: call host() first");
        push(&mut rule["http"]["paths"], path);
        self
    }

    /// Sets `spec.defaultBackend`.
    pub fn default_backend(mut self, service: &str, port: impl Into<Port>) -> Self {
        self.latest()["spec"]["defaultBackend"] = backend(service, &port.into());
        self
    }

    /// Adds an IngressClass.
    pub fn ingress_class(mut self, name: &str, controller: &str) -> Self {
        self.documents.push(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": { "name": name },
            "spec": { "controller": controller },
        }));
        self
    }

    /// Adds a Service with the port 80 named `http`, and an EndpointSlice for each of these servers.
    pub fn service<'u>(self, name: &str, upstreams: impl IntoIterator<Item = &'u Upstream>) -> Self {
        let addresses: Vec<_> = upstreams.into_iter().map(Upstream::address).collect();
        self.service_at(name, addresses)
    }

    /// As [`service`](Self::service), for addresses.
    pub fn service_at(mut self, name: &str, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.documents.push(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(name),
            "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] },
        }));
        for address in addresses {
            self = self.endpoint(name, address, &json!({}));
        }
        self
    }

    /// Adds an EndpointSlice with one endpoint of the port `http`, with these `conditions`.
    pub fn endpoint(self, service: &str, address: SocketAddr, conditions: &Value) -> Self {
        let port = json!({ "name": "http", "port": address.port(), "protocol": "TCP" });
        self.slice(service, address, &port, conditions)
    }

    fn slice(mut self, service: &str, address: SocketAddr, port: &Value, conditions: &Value) -> Self {
        let mut metadata = metadata(service);
        let service = metadata["name"].clone();
        metadata["name"] =
            json!(format!("{}-{}", service.as_str().unwrap_or_default(), self.documents.len()));
        metadata["labels"] = json!({ "kubernetes.io/service-name": service });
        self.documents.push(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
            "ports": [port],
            "endpoints": [{ "addresses": [address.ip().to_string()], "conditions": conditions }],
        }));
        self
    }

    /// Adds an object as it is.
    pub fn document(mut self, document: Value) -> Self {
        self.documents.push(document);
        self
    }

    /// Adds a file with this text, for what no object can express.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.raw.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The objects as they are written.
    pub fn documents(&self) -> &[Value] {
        &self.documents
    }

    /// The files: all objects in one, so that a change of several is one change, and those of [`file`](Self::file).
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let yaml = |document: &Value| serde_saphyr::to_string(document).expect("YAML of JSON");
        let documents: Vec<_> = self.documents.iter().map(yaml).collect();
        let mut files = vec![("objects.yaml".to_owned(), documents.join("---\n"))];
        files.extend(self.raw.iter().cloned());
        files
    }

    /// The objects themselves, for a test without files.
    pub fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        for document in self.documents.clone() {
            match document["kind"].as_str() {
                Some("Ingress") => objects.ingresses.push(read(document)),
                Some("IngressClass") => objects.ingress_classes.push(read(document)),
                Some("Service") => objects.services.push(read(document)),
                Some("EndpointSlice") => objects.endpoint_slices.push(read(document)),
                kind => panic!("an object of kind {kind:?}: use start() and files"),
            }
        }
        objects
    }
}

fn read<T: k8s_openapi::serde::de::DeserializeOwned>(document: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(document).expect("a well-formed object"))
}

fn push(list: &mut Value, item: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().expect("a list").push(item);
}

fn metadata(name: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    json!({ "namespace": namespace, "name": name })
}

fn backend(service: &str, port: &Port) -> Value {
    json!({ "service": { "name": service, "port": port.0 } })
}
