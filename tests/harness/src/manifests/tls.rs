//! Secrets, ConfigMaps, and what an Ingress or a Service says of TLS and protocols.

use std::net::SocketAddr;

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use super::{Manifests, metadata, push};
use crate::{Authority, Identity};

/// A port of a Service, with the endpoints behind it.
#[derive(Debug, Clone)]
pub struct ServicePort {
    name: String,
    port: u16,
    protocol: &'static str,
    app_protocol: Option<String>,
    endpoints: Vec<SocketAddr>,
}

impl ServicePort {
    /// A TCP port with this number.
    pub fn tcp(port: u16, endpoints: impl IntoIterator<Item = SocketAddr>) -> Self {
        let endpoints = endpoints.into_iter().collect();
        Self { name: format!("tcp-{port}"), port, protocol: "TCP", app_protocol: None, endpoints }
    }

    /// A UDP port with this number.
    pub fn udp(port: u16, endpoints: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { name: format!("udp-{port}"), protocol: "UDP", ..Self::tcp(port, endpoints) }
    }

    /// With an `appProtocol`.
    #[must_use]
    pub fn speaks(mut self, app_protocol: &str) -> Self {
        self.app_protocol = Some(app_protocol.to_owned());
        self
    }
}

impl Manifests {
    /// Adds an entry to `spec.tls` of the Ingress: hosts, and the Secret unless it is empty.
    pub fn tls(mut self, hosts: &[&str], secret: &str) -> Self {
        let mut entry = json!({ "hosts": hosts });
        if !secret.is_empty() {
            entry["secretName"] = json!(secret);
        }
        push(&mut self.latest()["spec"]["tls"], entry);
        self
    }

    /// Adds a Secret.
    pub fn secret(self, name: &str, kind: &str, data: &[(&str, &[u8])]) -> Self {
        let data: Map<_, _> =
            data.iter().map(|(key, value)| ((*key).to_owned(), json!(ByteString(value.to_vec())))).collect();
        self.document(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata(name), "type": kind, "data": data,
        }))
    }

    /// Adds a Secret with a certificate and its key.
    pub fn tls_secret(self, name: &str, identity: &Identity) -> Self {
        let (chain, key) = (identity.chain_pem.as_bytes(), identity.key_pem.as_bytes());
        self.secret(name, "kubernetes.io/tls", &[("tls.crt", chain), ("tls.key", key)])
    }

    /// Adds a Secret with authorities.
    pub fn ca_secret(self, name: &str, authority: &Authority) -> Self {
        self.secret(name, "Opaque", &[("ca.crt", authority.pem().as_bytes())])
    }

    /// Adds a ConfigMap.
    pub fn config_map(self, name: &str, data: &[(&str, &str)]) -> Self {
        let data: Map<_, _> =
            data.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        self.document(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "data": data,
        }))
    }

    /// Adds a Service with these ports, and an EndpointSlice for each of their endpoints.
    pub fn service_ports(mut self, name: &str, ports: &[ServicePort]) -> Self {
        let listed = ports.iter().map(|port| {
            let mut listed = json!({ "name": port.name, "port": port.port, "protocol": port.protocol });
            if let Some(app_protocol) = &port.app_protocol {
                listed["appProtocol"] = json!(app_protocol);
            }
            listed
        });
        self.documents.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
            "spec": { "ports": listed.collect::<Vec<_>>() },
        }));
        for port in ports {
            for endpoint in &port.endpoints {
                let target = json!({ "name": port.name, "port": endpoint.port(), "protocol": port.protocol });
                self = self.slice(name, *endpoint, &target, &json!({}));
            }
        }
        self
    }
}
