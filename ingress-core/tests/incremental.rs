//! However objects change, one after the other or together: what a [`Compiler`] makes of the changes is what a compile of all objects gives.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "load/objects.rs"]
mod strategies;

use std::collections::BTreeSet;
use std::sync::Arc;

use ingress_core::{Compiled, Compiler, ObjectName, Objects, Options, compile};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use strategies::{objects, options, read};

/// One change: of which kind, at which place, to what of other objects.
#[derive(Debug, Clone)]
struct Step {
    kind: usize,
    at: usize,
    how: How,
    others: Objects,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Add,
    Remove,
    Replace,
    /// The same objects in another order.
    Turn,
    /// Equal objects, read anew.
    Again,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let how = prop_oneof![
        3 => Just(How::Add),
        3 => Just(How::Remove),
        6 => Just(How::Replace),
        1 => Just(How::Turn),
        1 => Just(How::Again)
    ];
    // What Ingresses have to do with changes more often than what is for all.
    let kind = prop_oneof![10 => Just(0usize), 4 => Just(1), 4 => Just(2), 1 => Just(3), 4 => Just(4), 1 => 5usize..9];
    let step =
        (kind, 0usize..8, how, objects()).prop_map(|(kind, at, how, others)| Step { kind, at, how, others });
    prop::collection::vec(prop::collection::vec(step, 1..3), 1..10)
}

fn change<K: Clone>(list: &mut Vec<Arc<K>>, others: &[Arc<K>], step: &Step) {
    let at = step.at.min(list.len());
    match (step.how, others.first()) {
        (How::Add, Some(other)) => list.insert(at, other.clone()),
        (How::Replace, Some(other)) if at < list.len() => list[at] = other.clone(),
        (How::Remove, _) if at < list.len() => drop(list.remove(at)),
        (How::Turn, _) => list.reverse(),
        (How::Again, _) => list.iter_mut().for_each(|object| *object = Arc::new(K::clone(object))),
        _ => {}
    }
}

fn apply(objects: &mut Objects, step: &Step) {
    let others = &step.others;
    match step.kind {
        0 => change(&mut objects.ingresses, &others.ingresses, step),
        1 => change(&mut objects.services, &others.services, step),
        2 => change(&mut objects.endpoint_slices, &others.endpoint_slices, step),
        3 => change(&mut objects.endpoints, &others.endpoints, step),
        4 => change(&mut objects.secrets, &others.secrets, step),
        5 => change(&mut objects.config_maps, &others.config_maps, step),
        6 => change(&mut objects.ingress_classes, &others.ingress_classes, step),
        7 => change(&mut objects.namespaces, &others.namespaces, step),
        _ => {
            objects.now = others.now;
            (objects.secrets_known, objects.ingress_classes_known) = (step.at != 0, step.at != 1);
        }
    }
}

/// Leaves one object of each name, as an API server does.
fn once<K: Metadata<Ty = ObjectMeta>>(list: &mut Vec<Arc<K>>) {
    let mut names = BTreeSet::new();
    list.retain(|object| {
        let meta = object.metadata();
        names.insert((meta.namespace.clone(), meta.name.clone()))
    });
}

fn settings() -> impl Strategy<Value = serde_json::Value> {
    select(vec![
        json!({}),
        json!({"allow-cross-namespace-resources": "true"}),
        json!({"keep-alive": "10", "no-such-key": "x"}),
        json!({"global-auth-url": "http://a"}),
        json!({"proxy-ssl-location-only": "true", "ssl-redirect": "false"}),
    ])
}

/// Objects with the ConfigMap that the options name, and with Namespaces.
fn world() -> impl Strategy<Value = (Objects, Options)> {
    let selector = select(vec!["", "env=test", "env!=test"]);
    let settings = prop::option::of(settings());
    let labels = prop::collection::vec(select(vec!["test", "other"]), 3);
    let certificate = prop::option::weighted(0.2, Just(()));
    (objects(), options(), (selector, settings, labels, certificate)).prop_map(
        |(mut objects, mut options, (selector, settings, labels, certificate))| {
            options.namespace_selector = selector.parse().unwrap();
            options.config_map = Some(ObjectName { namespace: "c".into(), name: "config".into() });
            options.default_certificate =
                certificate.map(|()| ObjectName { namespace: "c".into(), name: "a".into() });
            let map = |data| read(json!({"metadata": {"namespace": "c", "name": "config"}, "data": data}));
            objects.config_maps.extend(settings.map(map));
            let namespace = |(name, env)| read(json!({"metadata": {"name": name, "labels": {"env": env}}}));
            objects.namespaces = ["a", "b", "c"].into_iter().zip(labels).map(namespace).collect();
            (objects, options)
        },
    )
}

fn same(a: &Compiled, b: &Compiled) -> Result<(), TestCaseError> {
    prop_assert_eq!(&a.report, &b.report);
    prop_assert_eq!(&a.snapshot.routes, &b.snapshot.routes);
    prop_assert_eq!(a.snapshot.routes.route_count(), b.snapshot.routes.route_count());
    prop_assert_eq!(&a.snapshot.upstreams, &b.snapshot.upstreams);
    prop_assert_eq!(&a.snapshot.settings, &b.snapshot.settings);
    prop_assert_eq!(&a.snapshot.streams, &b.snapshot.streams);
    prop_assert_eq!(&a.snapshot.tls, &b.snapshot.tls);
    prop_assert_eq!(&a.global, &b.global);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn changes_come_to_the_same(
        (mut objects, options) in world(),
        steps in steps(),
        names_once in prop::bool::weighted(0.9),
    ) {
        let mut compiler = Compiler::new(options.clone());
        let tidy = |objects: &mut Objects| if names_once {
            once(&mut objects.ingresses);
            once(&mut objects.services);
            once(&mut objects.endpoint_slices);
            once(&mut objects.endpoints);
            once(&mut objects.secrets);
        };
        tidy(&mut objects);
        same(compiler.compile(&objects), &compile(&objects, &options))?;
        for together in steps {
            let before = compiler.compiled().snapshot.clone();
            together.iter().for_each(|step| apply(&mut objects, step));
            tidy(&mut objects);
            let compiled = compiler.compile(&objects);
            same(compiled, &compile(&objects, &options))?;
            // What is equal is not published, and found to be equal at once.
            let after = &compiled.snapshot;
            prop_assert_eq!(before.routes == after.routes, Arc::ptr_eq(&before.routes, &after.routes));
            prop_assert_eq!(before.tls == after.tls, Arc::ptr_eq(&before.tls, &after.tls));
            prop_assert_eq!(before.upstreams == after.upstreams, Arc::ptr_eq(&before.upstreams, &after.upstreams));
        }
    }
}

#[test]
fn what_an_ingress_is_told_of_a_service_does_not_depend_on_who_else_uses_it() {
    let backend = json!({"service": {"name": "gone", "port": {"number": 80}}});
    let ingress = |name: &str, label: &str| {
        read(json!({
            "metadata": {"name": name, "namespace": "a", "labels": {"label": label}},
            "spec": {"defaultBackend": backend, "rules": [{"host": format!("{name}.com"), "http": {"paths": [
                {"path": "/x", "pathType": "Prefix", "backend": backend},
            ]}}]},
        }))
    };
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let mut objects = Objects::default();
    objects.ingresses = vec![ingress("one", ""), ingress("two", "")];
    let mut compiler = Compiler::new(options.clone());
    for label in ["a", "b"] {
        assert_eq!(compiler.compile(&objects).report, compile(&objects, &options).report);
        assert_eq!(compiler.compiled().report.findings.len(), 2);
        objects.ingresses[0] = ingress("one", label);
    }
}
