//! The test API server itself, held against kube's reflectors and `kubectl`: what the other suites rely on.

// Helpers of this suite stand outside its tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod access;
mod faults;
mod kubectl;
mod reflector;
mod selectors;
mod webhook;
mod writes;

use serde_json::{Value, json};

/// An Ingress for `name.test`.
fn ingress(name: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "rules": [{ "host": format!("{name}.test") }] },
    })
}

/// The same as kube has it.
fn typed<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// What the API server said when it refused.
fn refused<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> kube::core::Status {
    match result {
        Err(kube::Error::Api(status)) => *status,
        other => panic!("a refusal was expected: {other:?}"),
    }
}
