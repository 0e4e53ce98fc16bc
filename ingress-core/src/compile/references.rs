//! Which Secrets and ConfigMaps are referred to, so that a source keeps the content of no others.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::Ingress;

use super::index::{Index, namespace};
use super::{Objects, Options, class, global};
use crate::annotation::PREFIX;
use crate::route::ObjectName;

/// The objects whose content matters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct References {
    /// Secrets: of `spec.tls` and of annotations.
    pub secrets: BTreeSet<ObjectName>,
    /// ConfigMaps: those of the options, those that it names, those of annotations.
    pub config_maps: BTreeSet<ObjectName>,
}

/// Collects what our Ingresses and the options refer to, whether it exists or not. An object of another namespace counts only if
/// `allow-cross-namespace-resources` lets annotations name it.
pub fn referenced(objects: &Objects, options: &Options) -> References {
    let global = global::read(objects, options, &mut Vec::new());
    let index = Index::of_classes(objects);
    let mut references = References::default();
    for map in [&options.config_map, &options.tcp_services, &options.udp_services] {
        references.config_maps.extend(map.clone());
    }
    references.config_maps.extend(global.config_maps);
    references.secrets.extend(options.default_certificate.clone());
    for ingress in &objects.ingresses {
        if class::skip(ingress, &index, options).is_none() {
            references.ingress(ingress, global.allow_cross_namespace);
        }
    }
    references
}

impl References {
    /// Adds what an Ingress refers to.
    pub(super) fn ingress(&mut self, ingress: &Ingress, cross_namespace: bool) {
        let own = namespace(&ingress.metadata);
        let tls = ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
        for name in tls.filter_map(|tls| tls.secret_name.as_deref()).filter(|name| !name.is_empty()) {
            self.secrets.insert(ObjectName { namespace: own.into(), name: name.into() });
        }
        for (key, value) in ingress.metadata.annotations.iter().flatten() {
            let Some(annotation) = key.strip_prefix(PREFIX) else { continue };
            let set = match annotation {
                "auth-secret" | "auth-tls-secret" | "proxy-ssl-secret" => &mut self.secrets,
                "auth-proxy-set-headers" | "custom-headers" | "fastcgi-params-configmap" => {
                    &mut self.config_maps
                }
                _ => continue,
            };
            let (namespace, name) = value.trim().split_once('/').unwrap_or((own, value.trim()));
            let allowed = namespace == own || cross_namespace;
            if allowed && !name.is_empty() && !name.contains('/') {
                set.insert(ObjectName { namespace: namespace.into(), name: name.into() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn object<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Arc<T> {
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn found(class: &str, settings: &serde_json::Value) -> (Vec<String>, Vec<String>) {
        let ingress = object(json!({
            "metadata": {"namespace": "shop", "name": "web", "annotations": {
                "kubernetes.io/ingress.class": class,
                "nginx.ingress.kubernetes.io/auth-secret": "users",
                "nginx.ingress.kubernetes.io/auth-tls-secret": "other/ca",
                "nginx.ingress.kubernetes.io/proxy-ssl-secret": "shop/client",
                "nginx.ingress.kubernetes.io/custom-headers": "other/headers",
                "nginx.ingress.kubernetes.io/fastcgi-params-configmap": "params",
                "nginx.ingress.kubernetes.io/auth-proxy-set-headers": "a/b/c",
                "example.com/auth-secret": "no",
            }},
            "spec": {"tls": [{"secretName": "cert"}, {"secretName": ""}, {}]},
        }));
        let map = object(json!({"metadata": {"namespace": "ingress", "name": "config"}, "data": settings}));
        let objects = Objects { ingresses: vec![ingress], config_maps: vec![map], ..Objects::default() };
        let config_map = Some(ObjectName { namespace: "ingress".into(), name: "config".into() });
        let references = referenced(&objects, &Options { config_map, ..Options::default() });
        let texts = |set: BTreeSet<ObjectName>| set.iter().map(ToString::to_string).collect();
        (texts(references.secrets), texts(references.config_maps))
    }

    #[test]
    fn only_what_ours_may_name_is_referenced() {
        let (secrets, maps) = found("nginx", &json!({"add-headers": "ingress/added"}));
        assert_eq!(secrets, ["shop/cert", "shop/client", "shop/users"]);
        assert_eq!(maps, ["ingress/added", "ingress/config", "shop/params"]);
        let (secrets, maps) = found("nginx", &json!({"allow-cross-namespace-resources": "true"}));
        assert_eq!(secrets, ["other/ca", "shop/cert", "shop/client", "shop/users"]);
        assert_eq!(maps, ["ingress/config", "other/headers", "shop/params"]);
        let (secrets, maps) = found("other", &json!({}));
        assert_eq!((secrets, maps), (vec![], vec!["ingress/config".to_owned()]));
    }
}
