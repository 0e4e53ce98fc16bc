//! The Secrets that `spec.tls` names: whether they are there, and what they lack. Only the names of their keys are looked at: the source
//! may leave the content out.

use k8s_openapi::api::core::v1::Secret;

use super::Objects;
use super::class::Served;
use super::index::Index;
use super::report::{Finding, quoted};

/// Says which Secrets are missing or cannot hold a certificate.
pub(super) fn check(
    objects: &Objects,
    index: &Index<'_>,
    served: &[Served<'_>],
    findings: &mut Vec<Finding>,
) {
    if !objects.secrets_known {
        return;
    }
    for ingress in served {
        for (number, tls) in ingress.spec.tls.iter().flatten().enumerate() {
            let Some(name) = tls.secret_name.as_deref().filter(|name| !name.is_empty()) else { continue };
            let field = format!("spec.tls[{number}].secretName");
            let namespace = &*ingress.object.namespace;
            let secret = index.secrets.get(&(namespace, name));
            findings.extend(match secret {
                None => {
                    let message = format!("there is no secret {} in namespace {namespace:?}", quoted(name));
                    let remedy = "create the secret, or name one of that namespace";
                    Some(ingress.warning("MissingSecret", field, message, remedy))
                }
                Some(secret) => defect(secret).map(|defect| {
                    let message = format!("secret {namespace}/{name} {defect}");
                    let remedy = "make it one of type kubernetes.io/tls, with tls.crt and tls.key";
                    ingress.warning("InvalidSecret", field, message, remedy)
                }),
            });
        }
    }
}

fn defect(secret: &Secret) -> Option<String> {
    let has = |key: &str| {
        secret.data.as_ref().is_some_and(|data| data.contains_key(key))
            || secret.string_data.as_ref().is_some_and(|data| data.contains_key(key))
    };
    let missing: Vec<_> = ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)).collect();
    let kind = secret.type_.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("Opaque");
    match (kind, missing.as_slice()) {
        (_, [missing]) => Some(format!("has no key {missing}")),
        (_, [_, _]) => Some("has neither a key tls.crt nor a key tls.key".to_owned()),
        ("kubernetes.io/tls", _) => None,
        (kind, _) => Some(format!("is of type {}, not kubernetes.io/tls", quoted(kind))),
    }
}
