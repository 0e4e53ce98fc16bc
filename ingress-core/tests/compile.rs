//! What holds for the compile of any objects: it is deterministic, independent of their order, and the same whatever was served before.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "load/objects.rs"]
mod strategies;

use std::collections::BTreeSet;
use std::sync::Arc;

use ingress_core::{
    Backend, Compiled, Compiler, ObjectName, Objects, Options, Snapshot, TlsCheck, compile, recompile,
};
use proptest::prelude::*;
use serde_json::json;

use strategies::{objects, options, read};

fn same(a: &Compiled, b: &Compiled) -> Result<(), TestCaseError> {
    prop_assert_eq!(&a.snapshot.routes, &b.snapshot.routes);
    prop_assert_eq!(&a.snapshot.upstreams, &b.snapshot.upstreams);
    prop_assert_eq!(&a.snapshot.settings, &b.snapshot.settings);
    prop_assert_eq!(&a.snapshot.streams, &b.snapshot.streams);
    prop_assert_eq!(&a.snapshot.tls, &b.snapshot.tls);
    prop_assert_eq!(&a.global, &b.global);
    prop_assert_eq!(&a.report, &b.report);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_order_of_the_objects_changes_nothing(objects in objects(), options in options(), turn in 0usize..8) {
        fn turned<T>(list: &mut [T], turn: usize) {
            list.reverse();
            if !list.is_empty() {
                list.rotate_left(turn % list.len());
            }
        }
        let first = compile(&objects, &options);
        same(&first, &compile(&objects, &options))?;
        let mut other = objects;
        turned(&mut other.ingresses, turn);
        turned(&mut other.services, turn);
        turned(&mut other.endpoint_slices, turn);
        turned(&mut other.endpoints, turn);
        turned(&mut other.secrets, turn);
        turned(&mut other.config_maps, turn);
        same(&first, &compile(&other, &options))?;
    }

    #[test]
    fn what_was_served_before_changes_nothing(before in objects(), objects in objects(), options in options()) {
        let earlier = compile(&before, &options).snapshot;
        let compiled = compile(&objects, &options);
        same(&compiled, &recompile(&earlier, &objects, &options))?;
        let again = recompile(&compiled.snapshot, &objects, &options);
        prop_assert!(Arc::ptr_eq(&again.snapshot.routes, &compiled.snapshot.routes));
        prop_assert!(Arc::ptr_eq(&again.snapshot.upstreams, &compiled.snapshot.upstreams));
        prop_assert!(Arc::ptr_eq(&again.snapshot.streams, &compiled.snapshot.streams));
        prop_assert!(Arc::ptr_eq(&again.snapshot.tls, &compiled.snapshot.tls));
        let mut compiler = Compiler::new(options);
        compiler.compile(&before);
        same(&compiled, compiler.compile(&objects))?;
    }

    #[test]
    fn every_route_leads_somewhere_and_every_finding_says_where(objects in objects(), options in options()) {
        let Compiled { snapshot, report, .. } = compile(&objects, &options);
        for (_, host) in snapshot.routes.hosts() {
            for route in host.routes() {
                match &route.backend {
                    Backend::Upstream(name) => prop_assert!(snapshot.upstreams.get(name).is_some(), "{}", name),
                    _ => prop_assert_eq!(route.https.redirect, None),
                }
                // Who is to be checked is checked by somebody.
                prop_assert!(!route.transport.tls.verify || route.transport.tls.trust.is_some());
            }
        }
        let ports: BTreeSet<_> = snapshot.streams.iter().map(|stream| (stream.protocol, stream.port)).collect();
        prop_assert_eq!(ports.len(), snapshot.streams.len());
        for stream in snapshot.streams.iter() {
            prop_assert!(snapshot.upstreams.get(&stream.upstream).is_some() && stream.port != 443);
        }
        for host in ["a.com", "b.com", "x.com"] {
            let passthrough = snapshot.tls.passthrough(&snapshot.routes, host);
            prop_assert!(passthrough.is_none_or(|to| snapshot.upstreams.get(&to.upstream).is_some()));
        }
        for finding in &report.findings {
            prop_assert!(!finding.message.is_empty() && !finding.remedy.is_empty() && !finding.reason.is_empty());
            let text = finding.to_string();
            prop_assert!(!text.contains(char::is_control), "{:?}", text);
            prop_assert!(text.len() < 1000, "{}", text);
        }
    }
}

#[test]
fn a_change_of_endpoints_keeps_routes_and_other_upstreams() {
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": "a"},
        "spec": {"rules": [{"host": "a.com", "http": {"paths": [
            {"path": "/x", "pathType": "Prefix", "backend": {"service": {"name": "x", "port": {"number": 80}}}},
            {"path": "/y", "pathType": "Prefix", "backend": {"service": {"name": "y", "port": {"number": 80}}}},
        ]}}]},
    });
    let service = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "a"},
            "spec": {"ports": [{"port": 80}]}})
    };
    let slice = |service: &str, address: &str| {
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": service, "namespace": "a", "labels": {"kubernetes.io/service-name": service}},
            "ports": [{"port": 8080}], "endpoints": [{"addresses": [address]}]})
    };
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let mut objects = Objects::default();
    objects.ingresses.push(read(ingress));
    objects.services = vec![read(service("x")), read(service("y"))];
    objects.endpoint_slices = vec![read(slice("x", "10.0.0.1")), read(slice("y", "10.0.0.2"))];
    let first: Snapshot = compile(&objects, &options).snapshot;
    objects.endpoint_slices[1] = read(slice("y", "10.0.0.3"));
    let second = recompile(&first, &objects, &options).snapshot;
    assert!(Arc::ptr_eq(&first.routes, &second.routes));
    let upstream = |snapshot: &Snapshot, name: &str| snapshot.upstreams.get(name).unwrap().clone();
    assert!(Arc::ptr_eq(&upstream(&first, "a/x:80"), &upstream(&second, "a/x:80")));
    assert_ne!(upstream(&first, "a/y:80"), upstream(&second, "a/y:80"));
    assert_ne!(first, second);
}

#[test]
fn secrets_that_cannot_be_read_are_not_said_to_be_missing() {
    let mut objects = Objects::default();
    objects.ingresses.push(read(json!({
        "metadata": {"name": "web", "namespace": "a"}, "spec": {"tls": [{"secretName": "cert"}]},
    })));
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let missing = |objects: &Objects| {
        let report = compile(objects, &options).report;
        report.findings.iter().any(|finding| finding.reason == "MissingSecret")
    };
    assert!(missing(&objects));
    objects.secrets_known = false;
    assert!(!missing(&objects));
}

#[test]
fn a_change_of_settings_keeps_the_other_parts() {
    let map = |keep_alive: &str| {
        read(json!({"metadata": {"name": "config", "namespace": "a"}, "data": {"keep-alive": keep_alive}}))
    };
    let mut options = Options::default();
    options.config_map = Some(ObjectName { namespace: "a".into(), name: "config".into() });
    let mut objects = Objects::default();
    objects.config_maps = vec![map("10")];
    let first = compile(&objects, &options).snapshot;
    let again = recompile(&first, &objects, &options).snapshot;
    assert!(Arc::ptr_eq(&first.settings, &again.settings));
    objects.config_maps = vec![map("20")];
    let second = recompile(&first, &objects, &options).snapshot;
    assert!(first != second && Arc::ptr_eq(&first.routes, &second.routes));
    assert_eq!(second.settings.keep_alive, std::time::Duration::from_secs(20));
}

#[test]
fn a_stream_gets_endpoints() {
    let map = json!({"metadata": {"name": "udp", "namespace": "a"}, "data": {"53": "a/dns:53"}});
    let service = json!({"metadata": {"name": "dns", "namespace": "a"},
        "spec": {"ports": [{"port": 53, "targetPort": 5353, "protocol": "UDP"}]}});
    let slice = json!({"metadata": {"name": "dns", "namespace": "a", "labels": {"kubernetes.io/service-name": "dns"}},
        "addressType": "IPv4", "ports": [{"port": 5353, "protocol": "UDP"}], "endpoints": [{"addresses": ["10.0.0.1"]}]});
    let name = |name: &str| ObjectName { namespace: "a".into(), name: name.into() };
    let mut options = Options::default();
    options.udp_services = Some(name("udp"));
    let mut objects = Objects::default();
    (objects.config_maps, objects.services) = (vec![read(map)], vec![read(service)]);
    let mut compiler = Compiler::new(options);
    let before = compiler.compile(&objects).clone();
    assert_eq!(before.snapshot.streams.len(), 1);
    assert_eq!(before.report.findings.len(), 1, "nobody is there yet");
    objects.endpoint_slices = vec![read(slice)];
    let after = compiler.compile(&objects);
    let upstream = after.snapshot.upstreams.get("a/dns:53/udp").unwrap();
    assert_eq!(upstream.addresses()[0].address, "10.0.0.1:5353".parse().unwrap());
    assert!(after.report.findings.is_empty());
    assert!(Arc::ptr_eq(&before.snapshot.streams, &after.snapshot.streams));
}

#[test]
fn tls_towards_endpoints_stays_the_same_allocation() {
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = |name: &str| {
        let params = rcgen::CertificateParams::new(vec![name.into()]).unwrap();
        let text = params.self_signed(&key).unwrap().pem();
        read(json!({"metadata": {"namespace": "a", "name": "ca"}, "stringData": {"ca.crt": text}}))
    };
    let ingress = |paths: &[&str]| {
        let backend = json!({"service": {"name": "x", "port": {"number": 80}}});
        let paths: Vec<_> = paths
            .iter()
            .map(|path| json!({"path": path, "pathType": "Prefix", "backend": backend}))
            .collect();
        read(json!({"metadata": {"namespace": "a", "name": "web", "annotations": {
            "nginx.ingress.kubernetes.io/proxy-ssl-secret": "a/ca",
            "nginx.ingress.kubernetes.io/backend-protocol": "GRPCS",
        }}, "spec": {"rules": [{"host": "a.com", "http": {"paths": paths}}]}}))
    };
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let mut objects = Objects::default();
    (objects.ingresses, objects.secrets) = (vec![ingress(&["/"])], vec![authority("one.com")]);
    let tls = |snapshot: &Snapshot, path: &str| {
        snapshot.routes.find("a.com", path).unwrap().route.transport.tls.clone()
    };
    let first = compile(&objects, &options).snapshot;
    objects.ingresses = vec![ingress(&["/", "/more"])];
    let second = recompile(&first, &objects, &options).snapshot;
    assert!(Arc::ptr_eq(&tls(&first, "/"), &tls(&second, "/")));
    assert!(Arc::ptr_eq(&tls(&first, "/"), &tls(&second, "/more")));
    objects.secrets = vec![authority("two.com")];
    let third = recompile(&second, &objects, &options).snapshot;
    assert_ne!(tls(&second, "/"), tls(&third, "/"));
}

#[test]
fn what_cannot_be_handshaken_with_is_no_secret() {
    let secret = json!({"metadata": {"namespace": "a", "name": "ca"}, "stringData": {
        "ca.crt": rcgen::generate_simple_self_signed(vec!["a.com".into()]).unwrap().cert.pem(),
    }});
    let ingress = json!({"metadata": {"namespace": "a", "name": "web", "annotations": {
        "nginx.ingress.kubernetes.io/proxy-ssl-secret": "a/ca",
    }}, "spec": {"rules": [{"host": "a.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "x", "port": {"number": 80}}}},
    ]}}]}});
    let mut objects = Objects::default();
    (objects.ingresses, objects.secrets) = (vec![read(ingress)], vec![read(secret)]);
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let denied = |objects: &Objects, options: &Options| {
        let snapshot = compile(objects, options).snapshot;
        matches!(snapshot.routes.find("a.com", "/").unwrap().route.backend, Backend::Denied(_))
    };
    assert!(!denied(&objects, &options));
    let mut unread = objects.clone();
    (unread.secrets, unread.secrets_known) = (Vec::new(), false);
    assert!(denied(&unread, &options));
    options.tls_check = TlsCheck::new(|_| Ok(()), |_| Err("of no use".into()));
    assert!(denied(&objects, &options));
}

#[test]
fn a_service_that_is_not_there_is_told_of_once_for_each_ingress() {
    let path = |path: &str| {
        let backend = json!({"service": {"name": "gone", "port": {"number": 80}}});
        json!({"path": path, "pathType": "Prefix", "backend": backend})
    };
    let ingress = |name: &str, host: &str| {
        read(json!({
            "metadata": {"name": name, "namespace": "a"},
            "spec": {"rules": [{"host": host, "http": {"paths": [path("/x"), path("/y")]}}]},
        }))
    };
    let mut objects = Objects::default();
    objects.ingresses = vec![ingress("one", "one.com"), ingress("two", "two.com")];
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    assert_eq!(compile(&objects, &options).report.findings.len(), 2);
}
