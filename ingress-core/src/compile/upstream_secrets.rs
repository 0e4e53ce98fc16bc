//! What `proxy-ssl-secret` names: a certificate that we show, authorities that vouch for endpoints, or both.

use std::sync::Arc;

use super::report::quoted;
use super::secrets::{self, Explained, Secrets};
use crate::route::ObjectName;
use crate::tls::{Certificate, Trust};

/// What is in such a Secret: one of the two at least.
pub(super) struct Material {
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) trust: Option<Arc<Trust>>,
}

/// Why there is nothing to be had from one. Never holds content of it.
pub(super) struct Defect {
    /// As in a finding.
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

const REMEDY: &str = "give the secret ca.crt, or tls.crt and tls.key, or both, as PEM";

impl Defect {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let remedy = match reason {
            "InvalidAnnotation" => "write namespace/name, or the name of a secret of the same namespace",
            "Denied" => "name a secret of the same namespace with ca.crt, or remove the annotation",
            _ => REMEDY,
        };
        Self { reason, message: message.into(), remedy }
    }
}

/// Reads the Secret that an Ingress names: `name`, or `namespace/name`, which may be another namespace only if that is allowed.
pub(super) fn read(
    secrets: &mut Secrets<'_>,
    ingress: &ObjectName,
    text: &str,
    cross_namespace: bool,
) -> Result<Material, Defect> {
    let (namespace, name) = text.split_once('/').unwrap_or((&ingress.namespace, text));
    if namespace.is_empty() || name.is_empty() || name.contains('/') {
        let message = format!("{} is no name of a secret", quoted(text));
        return Err(Defect::new("InvalidAnnotation", message));
    }
    if namespace != &*ingress.namespace && !cross_namespace {
        let message = format!(
            "secret {} is in another namespace, which allow-cross-namespace-resources does not allow",
            quoted(text)
        );
        return Err(Defect::new("Denied", message));
    }
    let key = (namespace, name);
    let explain = |defect: secrets::Defect| {
        let Explained { reason, message, remedy } = defect.explain(key, REMEDY);
        Defect { reason, message, remedy }
    };
    let [chain, private, authorities] =
        secrets.has(key, ["tls.crt", "tls.key", "ca.crt"]).map_err(explain)?;
    if !(chain || private || authorities) {
        let message = format!("secret {namespace}/{name} has neither ca.crt, nor tls.crt and tls.key");
        return Err(Defect::new("InvalidSecret", message));
    }
    let certificate = (chain || private).then(|| secrets.certificate(key)).transpose();
    let trust = authorities.then(|| secrets.trust(key)).transpose();
    Ok(Material { certificate: certificate.map_err(explain)?, trust: trust.map_err(explain)? })
}
