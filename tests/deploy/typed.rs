//! Each object has the type that the API says, and no field that it does not know.

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{IngressClass, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::objects::{label, read_all, text};

/// What is lost of an object when it is read as a `T` and written again is nothing that the API knows.
fn same<T: DeserializeOwned + Serialize>(object: &Value) -> Result<(), String> {
    let typed: T = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    let again = serde_json::to_value(typed).unwrap();
    if again == *object { Ok(()) } else { Err(format!("read as {again}")) }
}

fn check(object: &Value) -> Result<(), String> {
    match (text(&object["apiVersion"]), text(&object["kind"])) {
        ("v1", "Namespace") => same::<Namespace>(object),
        ("v1", "ServiceAccount") => same::<ServiceAccount>(object),
        ("v1", "ConfigMap") => same::<ConfigMap>(object),
        ("v1", "Secret") => same::<Secret>(object),
        ("v1", "Service") => same::<Service>(object),
        ("apps/v1", "Deployment") => same::<Deployment>(object),
        ("apps/v1", "DaemonSet") => same::<DaemonSet>(object),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => same::<HorizontalPodAutoscaler>(object),
        ("policy/v1", "PodDisruptionBudget") => same::<PodDisruptionBudget>(object),
        ("networking.k8s.io/v1", "IngressClass") => same::<IngressClass>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => same::<NetworkPolicy>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => same::<ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => same::<ClusterRoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => same::<Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => same::<RoleBinding>(object),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") => {
            same::<ValidatingWebhookConfiguration>(object)
        }
        // Kinds of others, of which no types are at hand
        ("monitoring.coreos.com/v1", "ServiceMonitor" | "PrometheusRule") => Ok(()),
        (version, kind) => Err(format!("nobody here knows {version} {kind}")),
    }
}

#[test]
fn every_object_is_what_the_api_knows() {
    for objects in read_all() {
        for object in &objects.objects {
            if let Err(why) = check(object) {
                panic!("{}: {}: {object}\n{why}", objects.file, label(object));
            }
        }
    }
}

#[test]
fn a_field_that_the_api_does_not_know_is_seen() {
    let service = |spec: &str| serde_saphyr::from_str::<Value>(spec).unwrap();
    assert_eq!(
        check(&service("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ClusterIP}}")),
        Ok(())
    );
    assert!(
        check(&service("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {typ: ClusterIP}}"))
            .is_err()
    );
    assert!(
        check(&service("{apiVersion: v1, kind: Service, metadata: {name: a, labels: {a: 1}}, spec: {}}"))
            .is_err()
    );
}

#[test]
fn no_object_is_named_twice() {
    for objects in read_all() {
        let mut names: Vec<_> = objects.objects.iter().map(label).collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{}", objects.file);
    }
}
