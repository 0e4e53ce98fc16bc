//! The Secrets that `proxy-ssl-secret` names: each is read once in a compile, whoever names it.

use std::sync::Arc;

use hashbrown::HashMap;
use k8s_openapi::api::core::v1::Secret;

use super::index::{Index, Key, name, namespace};
use super::report::quoted;
use super::{Objects, TlsCheck};
use crate::route::ObjectName;
use crate::tls::{Certificate, Trust};

/// What is in such a Secret.
#[derive(Clone)]
pub(super) struct Material {
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) trust: Option<Arc<Trust>>,
}

/// Why there is nothing to be had from one. Never holds content of it.
#[derive(Clone)]
pub(super) struct Defect {
    /// As in a finding.
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

impl Defect {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let remedy = match reason {
            "InvalidAnnotation" => "write namespace/name, or the name of a secret of the same namespace",
            "MissingSecret" => "create the secret, or correct the name",
            "Denied" => "name a secret of the same namespace with ca.crt, or remove the annotation",
            _ => "give the secret ca.crt, or tls.crt and tls.key, or both, as PEM",
        };
        Self { reason, message: message.into(), remedy }
    }
}

/// Reads Secrets.
pub(super) struct Secrets<'c> {
    index: &'c Index<'c>,
    /// False if Secrets cannot be read at all.
    known: bool,
    cross_namespace: bool,
    check: TlsCheck,
    read: HashMap<Key<'c>, Result<Material, Defect>>,
}

impl<'c> Secrets<'c> {
    pub(super) fn new(
        objects: &Objects,
        index: &'c Index<'c>,
        cross_namespace: bool,
        check: TlsCheck,
    ) -> Self {
        Self { index, known: objects.secrets_known, cross_namespace, check, read: HashMap::new() }
    }

    /// What is in the Secret that an Ingress names: `name`, or `namespace/name`.
    pub(super) fn get(&mut self, ingress: &ObjectName, text: &str) -> Result<Material, Defect> {
        let (namespace, name) = text.split_once('/').unwrap_or((&ingress.namespace, text));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            let message = format!("{} is no name of a secret", quoted(text));
            return Err(Defect::new("InvalidAnnotation", message));
        }
        if namespace != &*ingress.namespace && !self.cross_namespace {
            let message = format!(
                "secret {} is in another namespace, which allow-cross-namespace-resources does not allow",
                quoted(text)
            );
            return Err(Defect::new("Denied", message));
        }
        if !self.known {
            return Err(Defect::new("MissingSecret", "secrets cannot be read"));
        }
        let Some(secret) = self.index.secrets.get(&(namespace, name)).copied() else {
            let message = format!("there is no secret {} in namespace {namespace:?}", quoted(name));
            return Err(Defect::new("MissingSecret", message));
        };
        let (key, check) = (key(secret), self.check);
        self.read.entry(key).or_insert_with(|| material(key, secret, check)).clone()
    }
}

fn key(secret: &Secret) -> Key<'_> {
    (namespace(&secret.metadata), name(&secret.metadata))
}

fn material((namespace, name): Key<'_>, secret: &Secret, check: TlsCheck) -> Result<Material, Defect> {
    let full = format!("{namespace}/{name}");
    let refuse = |what: String| Defect::new("InvalidSecret", format!("secret {full}: {what}"));
    let certificate = match (content(secret, "tls.crt"), content(secret, "tls.key")) {
        (Some(chain), Some(key)) => {
            let certificate = Certificate::from_pem(&*full, chain, key);
            let certificate = certificate.map_err(|error| refuse(format!("tls.crt and tls.key: {error}")))?;
            (check.certificate)(&certificate)
                .map_err(|error| refuse(format!("tls.crt and tls.key: {error}")))?;
            Some(Arc::new(certificate))
        }
        (None, None) => None,
        (Some(_), None) => return Err(refuse("it has tls.crt without tls.key".to_owned())),
        (None, Some(_)) => return Err(refuse("it has tls.key without tls.crt".to_owned())),
    };
    let trust = match content(secret, "ca.crt") {
        Some(authorities) => {
            let trust = Trust::from_pem(authorities, content(secret, "ca.crl"));
            let trust = trust.map_err(|error| refuse(format!("ca.crt: {error}")))?;
            (check.trust)(&trust).map_err(|error| refuse(format!("ca.crt: {error}")))?;
            Some(Arc::new(trust))
        }
        None => None,
    };
    if certificate.is_none() && trust.is_none() {
        return Err(refuse("it has neither ca.crt, nor tls.crt and tls.key".to_owned()));
    }
    Ok(Material { certificate, trust })
}

/// What a Secret has under a key; what is empty is as if it were not there.
fn content<'s>(secret: &'s Secret, key: &str) -> Option<&'s [u8]> {
    let data = secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| &*bytes.0);
    let text = secret.string_data.as_ref().and_then(|data| data.get(key)).map(String::as_bytes);
    text.or(data).filter(|content| !content.is_empty())
}
