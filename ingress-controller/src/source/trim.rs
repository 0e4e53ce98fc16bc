//! What of an object is kept: nothing that nobody reads. There are many objects, and they are held for as long as they exist.

use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Namespace, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The label of an EndpointSlice that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Drops what neither the compile nor the status reads, and room for more.
pub(super) trait Trim {
    /// Drops it.
    fn trim(&mut self);
}

impl Trim for Ingress {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        self.metadata.labels = None;
        if let Some(annotations) = &mut self.metadata.annotations {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        for rule in self.spec.iter_mut().flat_map(|spec| fit(&mut spec.rules)) {
            if let Some(http) = &mut rule.http {
                http.paths.shrink_to_fit();
            }
        }
        for tls in self.spec.iter_mut().flat_map(|spec| fit(&mut spec.tls)) {
            fit(&mut tls.hosts);
        }
    }
}

impl Trim for IngressClass {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        self.metadata.labels = None;
    }
}

impl Trim for Service {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        (self.metadata.annotations, self.metadata.labels) = (None, None);
        self.status = None;
        if let Some(spec) = &mut self.spec {
            (spec.cluster_ips, spec.ip_families, spec.ip_family_policy) = (None, None, None);
            (spec.session_affinity, spec.session_affinity_config) = (None, None);
            (spec.internal_traffic_policy, spec.external_traffic_policy) = (None, None);
            fit(&mut spec.ports);
        }
    }
}

impl Trim for EndpointSlice {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        self.metadata.annotations = None;
        if let Some(labels) = &mut self.metadata.labels {
            labels.retain(|name, _| name == SERVICE_NAME);
        }
        fit(&mut self.ports);
        self.endpoints.shrink_to_fit();
        for endpoint in &mut self.endpoints {
            endpoint.addresses.shrink_to_fit();
            (endpoint.target_ref, endpoint.deprecated_topology, endpoint.hints) = (None, None, None);
            (endpoint.hostname, endpoint.node_name, endpoint.zone) = (None, None, None);
        }
    }
}

impl Trim for Endpoints {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        (self.metadata.annotations, self.metadata.labels) = (None, None);
        for subset in fit(&mut self.subsets) {
            fit(&mut subset.ports);
            for address in fit(&mut subset.addresses).iter_mut().chain(fit(&mut subset.not_ready_addresses)) {
                (address.target_ref, address.hostname, address.node_name) = (None, None, None);
            }
        }
    }
}

impl Trim for Namespace {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        self.metadata.annotations = None;
        (self.spec, self.status) = (None, None);
    }
}

impl Trim for Secret {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        (self.metadata.annotations, self.metadata.labels) = (None, None);
    }
}

impl Trim for ConfigMap {
    fn trim(&mut self) {
        metadata(&mut self.metadata);
        (self.metadata.annotations, self.metadata.labels) = (None, None);
        self.binary_data = None;
    }
}

/// Names, UID and age stay, and what is of some kinds alone.
fn metadata(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.owner_references = None;
    metadata.finalizers = None;
    (metadata.resource_version, metadata.generate_name, metadata.self_link) = (None, None, None);
}

/// Without room for more.
fn fit<T>(items: &mut Option<Vec<T>>) -> &mut [T] {
    match items {
        Some(items) => {
            items.shrink_to_fit();
            items
        }
        None => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn trimmed<T: Trim + DeserializeOwned + serde::Serialize>(value: Value) -> Value {
        let mut object: T = serde_json::from_value(value).unwrap();
        object.trim();
        let mut value = serde_json::to_value(object).unwrap();
        let fields = value.as_object_mut().unwrap();
        fields.retain(|name, _| name != "apiVersion" && name != "kind");
        value
    }

    fn metadata(annotations: &Value, labels: &Value) -> Value {
        json!({"name": "a", "namespace": "b", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": "5", "finalizers": ["x"], "annotations": annotations, "labels": labels,
            "managedFields": [{"manager": "x"}], "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p",
            "uid": "u"}]})
    }

    const KEPT: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn an_ingress_keeps_all_that_is_its_own() {
        let last = "kubectl.kubernetes.io/last-applied-configuration";
        let spec = json!({"ingressClassName": "n", "rules": [{"host": "h", "http": {"paths": [{"path": "/",
            "pathType": "Exact", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}],
            "tls": [{"hosts": ["h"], "secretName": "t"}]});
        let ingress = json!({"metadata": metadata(&json!({"own": "x", last: "{}"}), &json!({"l": "x"})),
            "spec": spec, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}});
        let expected = json!({"metadata": {"name": "a", "namespace": "b", "uid": "c", "creationTimestamp": KEPT,
            "annotations": {"own": "x"}}, "spec": spec, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}});
        assert_eq!(trimmed::<Ingress>(ingress), expected);
    }

    #[test]
    fn a_service_and_a_slice_keep_what_leads_to_endpoints() {
        let ports = json!([{"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"}]);
        let service = json!({"metadata": metadata(&json!({"x": "y"}), &json!({"l": "x"})),
            "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": ports,
            "selector": {"app": "a"}, "sessionAffinity": "None", "externalName": "e.test"}, "status": {}});
        let names = json!({"name": "a", "namespace": "b", "uid": "c", "creationTimestamp": KEPT});
        let expected = json!({"metadata": names, "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": ports,
            "selector": {"app": "a"}, "externalName": "e.test"}});
        assert_eq!(trimmed::<Service>(service), expected);
        let slice = json!({"metadata": metadata(&json!({"x": "y"}), &json!({"l": "x", SERVICE_NAME: "web"})),
            "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["10.0.0.2"], "conditions": {"ready": true, "serving": true},
            "nodeName": "n", "zone": "z", "targetRef": {"name": "p"}, "hostname": "h"}]});
        let expected = json!({"metadata": {"name": "a", "namespace": "b", "uid": "c", "creationTimestamp": KEPT,
            "labels": {SERVICE_NAME: "web"}}, "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["10.0.0.2"], "conditions": {"ready": true, "serving": true}}]});
        assert_eq!(trimmed::<EndpointSlice>(slice), expected);
    }
}
