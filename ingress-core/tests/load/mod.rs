//! YAML to objects, as the tests need it.

mod certificates;

use std::sync::Arc;

use ingress_core::{Objects, ingress_from_v1beta1};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

/// Reads all documents of a YAML text. Panics at what it does not know.
pub(crate) fn objects(yaml: &str) -> Objects {
    // As Kubernetes reads YAML: a Service may be called `y`.
    let options = serde_saphyr::options! { strict_booleans: true };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(yaml, options).unwrap();
    let mut objects = Objects::default();
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .for_each(|document| add(&mut objects, document));
    objects
}

fn add(objects: &mut Objects, document: Value) {
    fn read<T: serde::de::DeserializeOwned>(document: Value) -> Arc<T> {
        Arc::new(serde_json::from_value(document).unwrap())
    }
    let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
    match (&*text("apiVersion"), &*text("kind")) {
        ("networking.k8s.io/v1", "Ingress") => objects.ingresses.push(read(document)),
        ("networking.k8s.io/v1", "IngressClass") => objects.ingress_classes.push(read(document)),
        ("v1", "Service") => objects.services.push(read(document)),
        ("v1", "Endpoints") => objects.endpoints.push(read(document)),
        ("v1", "ConfigMap") => objects.config_maps.push(read(document)),
        ("v1", "Namespace") => objects.namespaces.push(read(document)),
        ("v1", "Secret") => {
            let mut secret: Secret = serde_json::from_value(document).unwrap();
            certificates::fill(&mut secret);
            objects.secrets.push(secret.into());
        }
        ("discovery.k8s.io/v1", "EndpointSlice") => objects.endpoint_slices.push(read(document)),
        ("extensions/v1beta1" | "networking.k8s.io/v1beta1", "Ingress") => {
            let (ingress, finding) = ingress_from_v1beta1(document).unwrap();
            objects.ingresses.push(ingress.into());
            objects.findings.push(finding);
        }
        other => panic!("{other:?}"),
    }
}
