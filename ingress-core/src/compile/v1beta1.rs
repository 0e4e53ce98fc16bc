//! Ingresses of the versions before `networking.k8s.io/v1`, which files still have.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Map, Value, json};

use super::index::reference;
use super::report::{Finding, Severity};

const V1: &str = "networking.k8s.io/v1";

/// Converts an Ingress of `extensions/v1beta1` or `networking.k8s.io/v1beta1`, given as JSON.
///
/// `spec.backend` becomes `spec.defaultBackend`, `serviceName` and `servicePort` become a service with a port by number or by name, and a
/// missing `pathType` becomes `ImplementationSpecific`, as the API server did. The finding says to update the file.
///
/// # Errors
/// A text that names the field and the value that could not be read.
pub fn ingress_from_v1beta1(mut object: Value) -> Result<(Ingress, Finding), String> {
    let version = match object.get("apiVersion").and_then(Value::as_str) {
        Some(version @ ("extensions/v1beta1" | "networking.k8s.io/v1beta1")) => version.to_owned(),
        _ => {
            return Err(unexpected(
                "apiVersion",
                "an Ingress of a v1beta1 version",
                object.get("apiVersion"),
            ));
        }
    };
    let root = map(&mut object, "the object")?;
    root.insert("apiVersion".to_owned(), json!(V1));
    if let Some(spec) = root.get_mut("spec").filter(|spec| !spec.is_null()) {
        convert(map(spec, "spec")?)?;
    }
    // The status is of no use here, and nobody should stumble over it.
    root.remove("status");
    let ingress: Ingress = serde_json::from_value(object).map_err(|error| error.to_string())?;
    let finding = Finding::new(
        Severity::Warning,
        "OldApiVersion",
        reference("ingress", &ingress.metadata),
        "apiVersion",
        format!("{version:?} is gone since Kubernetes 1.22; it is read as if it were {V1}"),
        format!("update the file to {V1}"),
    );
    Ok((ingress, finding))
}

fn convert(spec: &mut Map<String, Value>) -> Result<(), String> {
    if let Some(old) = spec.remove("backend").filter(|old| !old.is_null()) {
        spec.insert("defaultBackend".to_owned(), backend(old, "spec.backend")?);
    }
    let Some(rules) = spec.get_mut("rules").filter(|rules| !rules.is_null()) else { return Ok(()) };
    for (number, rule) in list(rules, "spec.rules")?.iter_mut().enumerate() {
        let field = format!("spec.rules[{number}]");
        let Some(http) = map(rule, &field)?.get_mut("http").filter(|http| !http.is_null()) else { continue };
        let field = format!("{field}.http");
        let Some(paths) = map(http, &field)?.get_mut("paths").filter(|paths| !paths.is_null()) else {
            continue;
        };
        let field = format!("{field}.paths");
        for (position, path) in list(paths, &field)?.iter_mut().enumerate() {
            convert_path(path, &format!("{field}[{position}]"))?;
        }
    }
    Ok(())
}

fn convert_path(path: &mut Value, field: &str) -> Result<(), String> {
    let path = map(path, field)?;
    let old = path.remove("backend").unwrap_or(Value::Null);
    path.insert("backend".to_owned(), backend(old, &format!("{field}.backend"))?);
    if path.get("pathType").is_none_or(Value::is_null) {
        path.insert("pathType".to_owned(), json!("ImplementationSpecific"));
    }
    Ok(())
}

fn backend(mut old: Value, field: &str) -> Result<Value, String> {
    let old = map(&mut old, field)?;
    let mut new = Map::new();
    if let Some(resource) = old.remove("resource").filter(|resource| !resource.is_null()) {
        new.insert("resource".to_owned(), resource);
    }
    match old.remove("serviceName").unwrap_or(Value::Null) {
        Value::Null => {}
        Value::String(name) => {
            let port = match old.remove("servicePort").unwrap_or(Value::Null) {
                Value::Null => json!({}),
                Value::Number(number)
                    if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) =>
                {
                    json!({ "number": number })
                }
                Value::String(name) => json!({ "name": name }),
                other => {
                    return Err(unexpected(
                        &format!("{field}.servicePort"),
                        "a number or a name",
                        Some(&other),
                    ));
                }
            };
            new.insert("service".to_owned(), json!({ "name": name, "port": port }));
        }
        other => return Err(unexpected(&format!("{field}.serviceName"), "a name", Some(&other))),
    }
    Ok(Value::Object(new))
}

fn map<'v>(value: &'v mut Value, field: &str) -> Result<&'v mut Map<String, Value>, String> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(unexpected(field, "a map", Some(other))),
    }
}

fn list<'v>(value: &'v mut Value, field: &str) -> Result<&'v mut Vec<Value>, String> {
    match value {
        Value::Array(list) => Ok(list),
        other => Err(unexpected(field, "a list", Some(other))),
    }
}

fn unexpected(field: &str, expected: &str, value: Option<&Value>) -> String {
    let value = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let value: String = value.chars().take(80).collect();
    format!("{field}: expected {expected}, got {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(spec: &Value) -> Value {
        json!({
            "apiVersion": "extensions/v1beta1", "kind": "Ingress",
            "metadata": { "name": "web", "namespace": "shop" }, "spec": spec,
        })
    }

    #[test]
    fn an_old_ingress_becomes_a_new_one() {
        let (ingress, finding) = ingress_from_v1beta1(old(&json!({
            "backend": { "serviceName": "rest", "servicePort": "http" },
            "rules": [
                { "host": "a.com", "http": { "paths": [
                    { "path": "/x", "backend": { "serviceName": "api", "servicePort": 80 } },
                    { "path": "/y", "pathType": "Exact", "backend": { "serviceName": "api", "servicePort": "web" } },
                ] } },
                { "host": "b.com" },
            ],
        })))
        .unwrap();
        let new: Ingress = serde_json::from_value(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": "web", "namespace": "shop" },
            "spec": {
                "defaultBackend": { "service": { "name": "rest", "port": { "name": "http" } } },
                "rules": [
                    { "host": "a.com", "http": { "paths": [
                        { "path": "/x", "pathType": "ImplementationSpecific",
                          "backend": { "service": { "name": "api", "port": { "number": 80 } } } },
                        { "path": "/y", "pathType": "Exact",
                          "backend": { "service": { "name": "api", "port": { "name": "web" } } } },
                    ] } },
                    { "host": "b.com" },
                ],
            },
        }))
        .unwrap();
        assert_eq!(ingress, new);
        assert_eq!(finding.reason, "OldApiVersion");
        assert!(finding.to_string().contains("update the file to networking.k8s.io/v1"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let path =
            |backend: Value| old(&json!({ "rules": [{ "http": { "paths": [{ "backend": backend }] } }] }));
        for (object, message) in [
            (json!(7), "apiVersion: expected an Ingress of a v1beta1 version, got nothing"),
            (old(&json!([])), "spec: expected a map, got []"),
            (old(&json!({ "rules": {} })), "spec.rules: expected a list, got {}"),
            (path(json!(null)), "spec.rules[0].http.paths[0].backend: expected a map, got null"),
            (
                path(json!({ "serviceName": "a", "servicePort": true })),
                "spec.rules[0].http.paths[0].backend.servicePort: expected a number or a name, got true",
            ),
            (
                path(json!({ "serviceName": 1 })),
                "spec.rules[0].http.paths[0].backend.serviceName: expected a name, got 1",
            ),
        ] {
            assert_eq!(ingress_from_v1beta1(object).unwrap_err(), message);
        }
        assert!(ingress_from_v1beta1(old(&json!(null))).is_ok());
    }
}
