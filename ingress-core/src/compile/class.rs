//! Which Ingresses are ours.
//!
//! The rules are those of ingress-nginx: the field `spec.ingressClassName` decides alone if it is there, then the annotation
//! `kubernetes.io/ingress.class`; an Ingress with neither is ours only if the options say so. The annotation that makes an IngressClass
//! the default one is not looked at: the API server fills the field in when an Ingress is created.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::Options;
use super::index::{Index, name, namespace};
use super::report::{Finding, ObjectRef, Report, Severity, Skipped, quoted};
use crate::route::{Age, ObjectName};

/// The annotation that named the class before there was a field.
const CLASS: &str = "kubernetes.io/ingress.class";

/// An Ingress that is ours.
pub(super) struct Served<'o> {
    pub(super) object: ObjectName,
    pub(super) spec: &'o IngressSpec,
    pub(super) annotations: &'o BTreeMap<String, String>,
    created: Option<i64>,
}

impl Served<'_> {
    pub(super) fn reference(&self) -> ObjectRef {
        ObjectRef::new("ingress", &*self.object.namespace, &*self.object.name)
    }

    /// A finding about a field of this Ingress of which something is not served.
    pub(super) fn error(
        &self,
        reason: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding::new(Severity::Error, reason, self.reference(), field, message, remedy)
    }

    /// A finding about a field of this Ingress that should be changed.
    pub(super) fn warning(
        &self,
        reason: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding::new(Severity::Warning, reason, self.reference(), field, message, remedy)
    }

    fn age(&self) -> Age<'_> {
        Age { created: self.created, namespace: &self.object.namespace, name: &self.object.name }
    }
}

/// Our Ingresses, those that win conflicts first; the others go into the report.
pub(super) fn served<'o>(index: &Index<'o>, options: &Options, report: &mut Report) -> Vec<Served<'o>> {
    let mut served = Vec::with_capacity(index.ingresses.len());
    for ingress in index.ingresses.values() {
        match skip(ingress, index, options) {
            Some(reason) => report.skipped.push(Skipped {
                object: ObjectRef::new("ingress", namespace(&ingress.metadata), name(&ingress.metadata)),
                reason,
            }),
            None => served.push(read(ingress)),
        }
    }
    report.ours = served.iter().map(|ingress| ingress.object.clone()).collect();
    served.sort_unstable_by(|a, b| a.age().cmp(&b.age()));
    for ingress in &served {
        let empty = ingress.spec.rules.as_ref().is_none_or(Vec::is_empty);
        if empty && ingress.spec.default_backend.is_none() {
            let message = "there are neither rules nor a default backend, so nothing is served";
            report.findings.push(ingress.error(
                "Empty",
                "spec",
                message,
                "add spec.rules or spec.defaultBackend",
            ));
        }
    }
    served
}

fn read(ingress: &Ingress) -> Served<'_> {
    static NO_SPEC: IngressSpec =
        IngressSpec { default_backend: None, ingress_class_name: None, rules: None, tls: None };
    static NO_ANNOTATIONS: BTreeMap<String, String> = BTreeMap::new();
    let meta = &ingress.metadata;
    Served {
        object: ObjectName { namespace: namespace(meta).into(), name: name(meta).into() },
        spec: ingress.spec.as_ref().unwrap_or(&NO_SPEC),
        annotations: meta.annotations.as_ref().unwrap_or(&NO_ANNOTATIONS),
        created: meta.creation_timestamp.as_ref().map(|time| time.0.as_second()),
    }
}

/// Why the Ingress is left alone; `None` if it is ours.
pub(super) fn skip(ingress: &Ingress, index: &Index<'_>, options: &Options) -> Option<String> {
    foreign(ingress, index, options).or_else(|| catch_all(ingress, options))
}

/// Why the Ingress is for somebody else, by its namespace or its class.
pub(super) fn foreign(ingress: &Ingress, index: &Index<'_>, options: &Options) -> Option<String> {
    let namespace = namespace(&ingress.metadata);
    if !options.watch_namespace.is_empty() && options.watch_namespace != namespace {
        let watched = &options.watch_namespace;
        return Some(format!(
            "namespace {namespace:?} is not the watched one; move it to {watched:?} or change --watch-namespace"
        ));
    }
    if let Some(reason) = unpicked(namespace, index, options) {
        return Some(reason);
    }
    let field = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
    let annotation = ingress.metadata.annotations.as_ref().and_then(|annotations| annotations.get(CLASS));
    match (field, annotation) {
        (Some(class), _) => skip_field(class, index, options),
        (None, Some(class)) if *class == options.ingress_class => None,
        (None, Some(class)) => Some(format!(
            "annotation {CLASS} is {}; set spec.ingressClassName to a class of ours, or the annotation to {:?}",
            quoted(class),
            options.ingress_class
        )),
        (None, None) if options.watch_ingress_without_class => None,
        (None, None) => Some(format!(
            "it has no class; set spec.ingressClassName to an IngressClass with spec.controller {:?}, or run with \
             --watch-ingress-without-class",
            options.controller_class
        )),
    }
}

/// Why the selector of namespaces does not pick this one, if so. One that is not known is not picked, whatever the selector: without it,
/// `a!=b` would pick what cannot be read, or has not come yet.
fn unpicked(namespace: &str, index: &Index<'_>, options: &Options) -> Option<String> {
    if options.namespace_selector.is_empty() {
        return None;
    }
    let Some(object) = index.namespaces.get(&("", namespace)) else {
        return Some(format!(
            "namespace {namespace:?} is not known, so --watch-namespace-selector does not pick it; create it, or allow the controller to \
             list and watch namespaces"
        ));
    };
    (!options.namespace_selector.matches(object.metadata.labels.as_ref())).then(|| {
        format!(
            "the labels of namespace {namespace:?} do not match --watch-namespace-selector; label the namespace, or change the flag"
        )
    })
}

fn skip_field(class: &str, index: &Index<'_>, options: &Options) -> Option<String> {
    if options.ingress_class_by_name && class == options.ingress_class {
        return None;
    }
    if !index.classes_known {
        return Some(format!(
            "spec.ingressClassName is {}, and IngressClasses cannot be read; allow the controller to list and watch ingressclasses, or use the \
             annotation {CLASS} instead of the field, or run with --ingress-class-by-name",
            quoted(class)
        ));
    }
    let ours = &options.controller_class;
    let Some(object) = index.class(class) else {
        let class = quoted(class);
        return Some(format!(
            "spec.ingressClassName is {class}, and there is no IngressClass of that name; create it with \
             spec.controller {ours:?}, or name a class that exists"
        ));
    };
    let controller = object.spec.as_ref().and_then(|spec| spec.controller.as_deref()).unwrap_or_default();
    (controller != ours).then(|| {
        let (class, controller) = (quoted(class), quoted(controller));
        format!(
            "spec.ingressClassName is {class}, an IngressClass of controller {controller}; name one whose \
             spec.controller is {ours:?}"
        )
    })
}

/// Why an Ingress of ours is left alone all the same.
pub(super) fn catch_all(ingress: &Ingress, options: &Options) -> Option<String> {
    let catch_all = ingress.spec.as_ref().is_some_and(|spec| spec.default_backend.is_some());
    (options.disable_catch_all && catch_all).then(|| {
        "it has a spec.defaultBackend, which --disable-catch-all forbids; remove the field or the flag"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::Objects;
    use k8s_openapi::api::networking::v1::{IngressBackend, IngressClass, IngressClassSpec};

    fn ingress(field: Option<&str>, annotation: Option<&str>) -> Ingress {
        let mut ingress = Ingress::default();
        ingress.metadata.name = Some("web".into());
        ingress.metadata.namespace = Some("shop".into());
        ingress.metadata.annotations = annotation.map(|class| [(CLASS.into(), class.into())].into());
        ingress.spec =
            Some(IngressSpec { ingress_class_name: field.map(Into::into), ..IngressSpec::default() });
        ingress
    }

    fn reason(ingress: &Ingress, options: &Options) -> Option<String> {
        let class = |name: &str, controller: &str| {
            let mut class = IngressClass::default();
            class.metadata.name = Some(name.into());
            class.spec =
                Some(IngressClassSpec { controller: Some(controller.into()), ..IngressClassSpec::default() });
            class.into()
        };
        let objects = Objects {
            ingress_classes: vec![class("ours", "k8s.io/ingress-nginx"), class("nginx", "example.com/other")],
            ..Objects::default()
        };
        skip(ingress, &Index::new(&objects, &mut Vec::new()), options)
    }

    #[test]
    fn the_field_decides_before_the_annotation() {
        let mut options = Options::default();
        for (field, annotation, ours) in [
            (Some("ours"), None, true),
            (Some("ours"), Some("other"), true),
            (Some("nginx"), Some("nginx"), false),
            (Some("missing"), Some("nginx"), false),
            (Some(""), None, false),
            (None, Some("nginx"), true),
            (None, Some("other"), false),
            (None, Some(""), false),
            (None, None, false),
        ] {
            let reason = reason(&ingress(field, annotation), &options);
            assert_eq!(reason.is_none(), ours, "{field:?} {annotation:?}: {reason:?}");
        }
        options.watch_ingress_without_class = true;
        assert_eq!(reason(&ingress(None, None), &options), None);
        assert!(reason(&ingress(None, Some("other")), &options).is_some());
        options.ingress_class_by_name = true;
        assert_eq!(reason(&ingress(Some("nginx"), None), &options), None);
        assert!(reason(&ingress(Some("missing"), None), &options).is_some());
    }

    #[test]
    fn classes_that_cannot_be_read_are_nobodys() {
        let objects = Objects { ingress_classes_known: false, ..Objects::default() };
        let index = Index::new(&objects, &mut Vec::new());
        let mut options = Options::default();
        let reason = skip(&ingress(Some("nginx"), Some("nginx")), &index, &options).unwrap();
        assert!(reason.contains("IngressClasses cannot be read"), "{reason}");
        assert_eq!(skip(&ingress(None, Some("nginx")), &index, &options), None);
        options.ingress_class_by_name = true;
        assert_eq!(skip(&ingress(Some("nginx"), None), &index, &options), None);
        assert!(skip(&ingress(Some("ours"), None), &index, &options).is_some());
    }

    #[test]
    fn a_namespace_that_is_not_known_is_not_picked() {
        let options = Options { namespace_selector: "env!=test".parse().unwrap(), ..Options::default() };
        let reason = |objects: &Objects| {
            let index = Index::new(objects, &mut Vec::new());
            skip(&ingress(None, Some("nginx")), &index, &options)
        };
        assert!(reason(&Objects::default()).unwrap().contains("is not known"));
        let mut namespace = k8s_openapi::api::core::v1::Namespace::default();
        namespace.metadata.name = Some("shop".into());
        assert_eq!(reason(&Objects { namespaces: vec![namespace.into()], ..Objects::default() }), None);
    }

    #[test]
    fn flags_take_ingresses_out() {
        let mut options = Options { watch_namespace: "shop".into(), ..Options::default() };
        let mut ours = ingress(None, Some("nginx"));
        assert_eq!(reason(&ours, &options), None);
        ours.spec.as_mut().unwrap().default_backend = Some(IngressBackend::default());
        assert_eq!(reason(&ours, &options), None);
        options.disable_catch_all = true;
        assert!(reason(&ours, &options).unwrap().contains("--disable-catch-all"));
        options.watch_namespace = "other".into();
        assert!(reason(&ours, &options).unwrap().contains("--watch-namespace"));
    }
}
