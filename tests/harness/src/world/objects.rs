//! Objects at the API server of a world, written and read as any client would.

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams};
use serde_json::{Value, json};

use super::World;
use crate::{Manifests, Upstream};

/// Kinds by their name: API version, and whether they stand in a namespace.
const KINDS: [(&str, &str, bool); 14] = [
    ("ClusterRole", "rbac.authorization.k8s.io/v1", false),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", false),
    ("ConfigMap", "v1", true),
    ("EndpointSlice", "discovery.k8s.io/v1", true),
    ("Event", "v1", true),
    ("Ingress", "networking.k8s.io/v1", true),
    ("IngressClass", "networking.k8s.io/v1", false),
    ("Lease", "coordination.k8s.io/v1", true),
    ("Namespace", "v1", false),
    ("Pod", "v1", true),
    ("Role", "rbac.authorization.k8s.io/v1", true),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", true),
    ("Secret", "v1", true),
    ("Service", "v1", true),
];

impl World {
    fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let known = KINDS.iter().find(|(known, ..)| *known == kind);
        let (_, version, namespaced) = known.unwrap_or_else(|| panic!("no kind {kind} is known here"));
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespaced {
            true => Api::namespaced_with(self.client.clone(), namespace, &resource),
            false => Api::all_with(self.client.clone(), &resource),
        }
    }

    /// `namespace/name`, or a name in the namespace of this world.
    fn split<'n>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        name.split_once('/').unwrap_or((&self.name, name))
    }

    /// The object as this world has it: in its namespace and of its class, where it names no other.
    pub fn own(&self, mut object: Value) -> Value {
        let namespaced = KINDS.iter().any(|(kind, _, namespaced)| object["kind"] == *kind && *namespaced);
        if namespaced && matches!(object["metadata"]["namespace"].as_str(), None | Some("default")) {
            object["metadata"]["namespace"] = json!(self.name);
        }
        let annotated = !object["metadata"]["annotations"]["kubernetes.io/ingress.class"].is_null();
        if object["kind"] == "Ingress" && object["spec"]["ingressClassName"].is_null() && !annotated {
            object["spec"]["ingressClassName"] = json!(self.name);
        }
        object
    }

    /// Creates an object, or replaces it but for its status.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn put(&self, object: &Value) {
        let object = self.own(object.clone());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, namespace) = (text(&object["kind"]), text(&object["metadata"]["namespace"]));
        let name = text(&object["metadata"]["name"]);
        let api = self.api(&kind, &namespace);
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let post = PostParams::default();
        let result = match api.create(&post, &object).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                api.replace(&name, &post, &object).await
            }
            created => created,
        };
        result.unwrap_or_else(|error| panic!("{kind} {namespace}/{name} is refused: {error}"));
    }

    /// [`put`](Self::put)s each of them.
    pub async fn put_all(&self, manifests: &Manifests) {
        for document in manifests.documents() {
            self.put(document).await;
        }
    }

    /// Replaces the status of an object.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn put_status(&self, kind: &str, name: &str, status: &Value) {
        let (namespace, name) = self.split(name);
        let change = kube::api::Patch::Merge(json!({ "status": status }));
        let patched =
            self.api(kind, namespace).patch_status(name, &kube::api::PatchParams::default(), &change).await;
        patched.unwrap_or_else(|error| panic!("the status of {kind} {name} is refused: {error}"));
    }

    /// Deletes an object that is there.
    ///
    /// # Panics
    /// If it is not.
    pub async fn delete(&self, kind: &str, name: &str) {
        let (namespace, name) = self.split(name);
        let deleted = self.api(kind, namespace).delete(name, &DeleteParams::default().grace_period(0)).await;
        deleted.unwrap_or_else(|error| panic!("{kind} {name} cannot be deleted: {error}"));
    }

    /// An object, if it is there.
    ///
    /// # Panics
    /// If the server cannot be asked.
    pub async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let (namespace, name) = self.split(name);
        let found = self.api(kind, namespace).get_opt(name).await.expect("an answer of the API server");
        found.map(|object| serde_json::to_value(object).expect("JSON"))
    }

    /// All objects of a kind in the namespace.
    ///
    /// # Panics
    /// If the server cannot be asked.
    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let list = self.api(kind, &self.name).list(&ListParams::default()).await;
        let objects = list.expect("an answer of the API server").items.into_iter();
        objects.map(|object| serde_json::to_value(object).expect("JSON")).collect()
    }

    /// Makes an IngressClass.
    pub async fn put_class(&self, name: &str, controller: &str) {
        let mut class = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass" });
        class["metadata"] = json!({ "name": name });
        class["spec"] = json!({ "controller": controller });
        self.put(&class).await;
    }

    /// Makes an Ingress for all paths of a host that leads to the port 80 of a Service.
    pub async fn put_ingress(&self, name: &str, host: &str, service: &str) {
        self.put_all(&Manifests::new().ingress(name).host(host).prefix("/", service, 80)).await;
    }

    /// Makes a Service with these endpoints, and no others.
    pub async fn put_service(&self, name: &str, upstreams: &[&Upstream]) {
        self.put_all(&Manifests::new().service_at(name, [])).await;
        self.put_endpoints(name, upstreams).await;
    }

    /// The EndpointSlice of a Service with one endpoint. Each upstream has a port of its own, so it has a slice of its own.
    pub fn slice(&self, service: &str, upstream: &Upstream) -> Value {
        let (namespace, service) = self.split(service);
        let address = upstream.address();
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": namespace,
                "name": format!("{service}-{}", address.port()),
                "labels": { "kubernetes.io/service-name": service },
            },
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": address.port(), "protocol": "TCP" }],
            "endpoints": [{ "addresses": [address.ip().to_string()], "conditions": {} }],
        })
    }

    /// Gives a Service these endpoints, and then takes all others away: it is never without one in between.
    pub async fn put_endpoints(&self, service: &str, upstreams: &[&Upstream]) {
        let slices: Vec<_> = upstreams.iter().map(|upstream| self.slice(service, upstream)).collect();
        for slice in &slices {
            self.put(slice).await;
        }
        let (namespace, service) = self.split(service);
        let api = self.api("EndpointSlice", namespace);
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        for found in api.list(&of_service).await.expect("the slices of a service") {
            let name = found.metadata.name.unwrap_or_default();
            if !slices.iter().any(|slice| slice["metadata"]["name"] == name.as_str()) {
                api.delete(&name, &DeleteParams::default()).await.expect("a slice to be deleted");
            }
        }
    }

    /// Makes the Service `front` of a load balancer that has this address.
    pub async fn put_front(&self, address: &str) {
        let mut front = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "front" } });
        front["spec"] = json!({ "type": "LoadBalancer", "ports": [{ "port": 80 }] });
        self.put(&front).await;
        let status = json!({ "loadBalancer": { "ingress": [{ "ip": address }] } });
        self.put_status("Service", "front", &status).await;
    }

    /// Makes a pod of the controllers; nothing runs in it.
    pub async fn put_pod(&self, name: &str) {
        let mut pod = json!({ "apiVersion": "v1", "kind": "Pod" });
        pod["metadata"] = json!({ "name": name, "labels": { "app": "controller" } });
        pod["spec"] = json!({ "containers": [{ "name": "controller", "image": "none" }] });
        self.put(&pod).await;
    }

    /// The events about an object, by its name.
    pub async fn events(&self, about: &str) -> Vec<Value> {
        let mut events = self.list("Event").await;
        events.retain(|event| event["involvedObject"]["name"] == about);
        events
    }
}
