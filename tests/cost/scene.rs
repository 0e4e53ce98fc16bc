//! What is served: one host, one route, one endpoint.

use std::net::SocketAddr;

use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use tempfile::TempDir;

/// All paths of `a.test` to one endpoint.
pub(crate) fn snapshot(endpoint: SocketAddr) -> Snapshot {
    let host = HostPattern::parse("a.test").expect("a host");
    let route = Route::new(host, PathPattern::prefix("/").expect("a path"), Backend::Upstream("one".into()));
    Snapshot::builder().upstream(Upstream::new("one", [endpoint])).route(route).build().expect("a snapshot")
}

/// The same as files.
pub(crate) fn manifests(endpoint: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (address, port) = (endpoint.ip(), endpoint.port());
    let text = format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: one}}
spec:
  rules:
  - host: a.test
    http:
      paths:
      - {{path: /, pathType: Prefix, backend: {{service: {{name: one, port: {{number: 80}}}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: one}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: one-1, labels: {{kubernetes.io/service-name: one}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [{address}]}}]
"
    );
    std::fs::write(folder.path().join("one.yaml"), text).expect("a file");
    folder
}
