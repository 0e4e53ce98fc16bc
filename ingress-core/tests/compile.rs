//! What holds for the compile of any objects: it is deterministic, independent of their order, and the same whatever was served before.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "load/certificates.rs"]
mod load;

use std::collections::BTreeSet;
use std::sync::Arc;

use ingress_core::{
    Backend, Compiled, Compiler, ObjectName, Objects, Options, Snapshot, TlsCheck, compile, recompile,
};
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read<T: DeserializeOwned>(object: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(object).unwrap())
}

fn names() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c"])
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a/.*%\\\\ {}\\x00é]{0,12}", "\\PC{0,8}"]
}

fn backends() -> impl Strategy<Value = Value> {
    let port = select(vec![
        json!({"number": 80}),
        json!({"number": 8080}),
        json!({"name": "http"}),
        json!({"name": "80"}),
        json!({}),
        json!({"number": -1}),
        json!({"number": 70000}),
        json!({"name": "x", "number": 80}),
    ]);
    prop_oneof![
        8 => (names(), port).prop_map(|(name, port)| json!({"service": {"name": name, "port": port}})),
        1 => Just(json!({"resource": {"kind": "Bucket", "name": "x"}})),
        1 => Just(json!({})),
    ]
}

fn annotations() -> impl Strategy<Value = Vec<(String, String)>> {
    let annotation = prop_oneof![
        select(vec![
            "canary",
            "auth-url",
            "proxy-read-timeout",
            "proxy-next-upstream",
            "configuration-snippet",
            "auth-tls-secret",
            "auth-tls-match-cn",
            "ssl-ciphers",
            "ssl-passthrough",
            "limit-rps",
            "backend-protocol",
            "proxy-ssl-secret",
            "proxy-ssl-verify",
            "force-ssl-redirect",
            "rewrite-traget"
        ])
        .prop_map(str::to_owned),
        texts(),
    ];
    prop::collection::vec(
        (
            annotation,
            prop_oneof![
                select(vec!["true", "60", "off", "on", "0", "HTTPS", "a/a", "b/a", "b", "CN=a"])
                    .prop_map(str::to_owned),
                texts()
            ],
        ),
        0..4,
    )
}

fn ingresses() -> impl Strategy<Value = Arc<Ingress>> {
    let path =
        prop_oneof![6 => select(vec!["/", "/a", "/a/", "/a/b", "//a"]).prop_map(str::to_owned), 1 => texts()];
    let kind = select(vec!["Exact", "Prefix", "ImplementationSpecific", "", "Regex"]);
    let path = (path, kind, backends())
        .prop_map(|(path, kind, backend)| json!({"path": path, "pathType": kind, "backend": backend}));
    let host = prop_oneof![
        8 => select(vec!["", "a.com", "*.com", "b.com"]).prop_map(str::to_owned),
        1 => texts(),
    ];
    let rule =
        (host, prop::option::of(prop::collection::vec(path, 0..4))).prop_map(|(host, paths)| match paths {
            Some(paths) => json!({"host": host, "http": {"paths": paths}}),
            None => json!({"host": host}),
        });
    let tls =
        (prop::collection::vec(select(vec!["a.com", "*.com", "b.com", ""]), 0..3), prop::option::of(names()))
            .prop_map(|(hosts, name)| json!({"hosts": hosts, "secretName": name}));
    let tls = prop::collection::vec(tls, 0..3);
    let class = select(vec![Value::Null, json!("ours"), json!("other"), json!("nginx")]);
    let spec = (class, prop::option::weighted(0.3, backends()), prop::collection::vec(rule, 0..4), tls);
    (names(), names(), 0..3, annotations(), spec).prop_map(|(namespace, name, created, annotations, spec)| {
        let (class, default, rules, tls) = spec;
        let prefixed = annotations
            .into_iter()
            .map(|(name, value)| (format!("nginx.ingress.kubernetes.io/{name}"), json!(value)));
        let created = match created {
            0 => Value::Null,
            day => json!(format!("2024-01-0{day}T00:00:00Z")),
        };
        read(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {
                "namespace": namespace, "name": name, "creationTimestamp": created,
                "annotations": prefixed.collect::<serde_json::Map<_, _>>(),
            },
            "spec": {"ingressClassName": class, "defaultBackend": default, "rules": rules, "tls": tls},
        }))
    })
}

/// Some are made for hosts, some are authorities, some cannot be read.
fn secrets() -> impl Strategy<Value = Arc<Secret>> {
    let pool: Vec<_> = [("certificate", "a.com b.com"), ("certificate", "*.com"), ("authority", "")]
        .into_iter()
        .map(|(make, names)| json!({"make": make, "names": names, "until": "2024-06-05"}))
        .chain([Value::Null])
        .map(|wishes| {
            let mut secret: Secret = serde_json::from_value(json!({
                "metadata": {"annotations": wishes},
                "type": "kubernetes.io/tls", "data": {"tls.key": "", "ca.crl": ""},
            }))
            .unwrap();
            load::fill(&mut secret);
            secret
        })
        .collect();
    (names(), names(), select(pool)).prop_map(|(namespace, name, mut secret)| {
        secret.metadata.namespace = Some(namespace.into());
        secret.metadata.name = Some(name.into());
        Arc::new(secret)
    })
}

fn services() -> impl Strategy<Value = Arc<Service>> {
    let spec = select(vec![
        json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}),
        json!({"ports": [{"port": 80}]}),
        json!({"ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "x", "port": 8080}]}),
        json!({"ports": [{"name": "http", "port": 80, "protocol": "UDP", "targetPort": 82}, {"port": 80}]}),
        json!({"ports": [{"name": "http", "port": 80, "appProtocol": "https"}]}),
        json!({"ports": []}),
        json!({"type": "ExternalName", "externalName": "example.com"}),
        json!({"type": "ExternalName", "externalName": "127.0.0.1"}),
        Value::Null,
    ]);
    (names(), names(), spec).prop_map(|(namespace, name, spec)| {
        read(json!({
            "apiVersion": "v1", "kind": "Service", "spec": spec,
            "metadata": {"namespace": namespace, "name": name},
        }))
    })
}

fn slices() -> impl Strategy<Value = Arc<EndpointSlice>> {
    let address = select(vec!["10.0.0.1", "10.0.0.2", "127.0.0.1", "fd00::1", "fe80::1", "x", ""]);
    let condition = || select(vec![json!(true), json!(false), Value::Null]);
    let endpoint = (prop::collection::vec(address, 0..3), condition(), condition()).prop_map(
        |(addresses, ready, serving)| json!({"addresses": addresses, "conditions": {"ready": ready, "serving": serving}}),
    );
    let ports = select(vec![
        json!([{"name": "http", "port": 8080}]),
        json!([{"port": 81}]),
        json!([{"name": "web", "port": 82}, {"name": "http", "port": 83, "protocol": "UDP"}]),
        json!([]),
        json!([{"name": "http", "port": 0}, {"name": "http"}]),
    ]);
    let service = select(vec![json!("a"), json!("b"), Value::Null]);
    let kind = select(vec!["IPv4", "FQDN", ""]);
    (names(), names(), service, kind, ports, prop::collection::vec(endpoint, 0..4)).prop_map(
        |(namespace, name, service, kind, ports, endpoints)| {
            read(json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "namespace": namespace, "name": name,
                    "labels": service.as_str().map(|service| json!({"kubernetes.io/service-name": service})),
                },
                "addressType": kind, "ports": ports, "endpoints": endpoints,
            }))
        },
    )
}

fn endpoints() -> impl Strategy<Value = Arc<Endpoints>> {
    (names(), names()).prop_map(|(namespace, name)| {
        read(json!({
            "apiVersion": "v1", "kind": "Endpoints", "metadata": {"namespace": namespace, "name": name},
            "subsets": [{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"port": 8080}]}],
        }))
    })
}

/// The ConfigMaps of TCP and of UDP services.
fn stream_maps() -> impl Strategy<Value = Vec<Arc<ConfigMap>>> {
    let target = prop_oneof![
        6 => (names(), names(), select(vec!["80", "http", "8080", "443", "80:PROXY", "80::PROXY"]))
            .prop_map(|(namespace, name, port)| format!("{namespace}/{name}:{port}")),
        1 => texts(),
    ];
    let port = select(vec!["9000", "9001", "9002", "53", "0", "443", "x"]);
    let map = |name: &'static str| {
        let data = prop::collection::btree_map(port.clone(), target.clone(), 0..5);
        data.prop_map(move |data| read(json!({"metadata": {"namespace": "c", "name": name}, "data": data})))
    };
    (map("tcp"), map("udp")).prop_map(|(tcp, udp)| vec![tcp, udp])
}

/// Authorities for `proxy-ssl-secret`, and what are none.
fn objects() -> impl Strategy<Value = Objects> {
    let class = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": "ours"}, "spec": {"controller": "k8s.io/ingress-nginx"},
    });
    let class: Arc<IngressClass> = read(class);
    use prop::collection::vec;
    let named = (vec(ingresses(), 0..8), vec(secrets(), 0..4), stream_maps());
    let now = select(vec![None, Some(1_717_243_200), Some(1_800_000_000)]);
    let members = (vec(services(), 0..8), vec(slices(), 0..8), vec(endpoints(), 0..2));
    (named, members, now).prop_map(move |((ingresses, secrets, config_maps), members, now)| {
        let (services, slices, endpoints) = members;
        let mut objects = Objects::default();
        objects.ingresses = ingresses;
        objects.services = services;
        objects.endpoint_slices = slices;
        objects.endpoints = endpoints;
        objects.ingress_classes = vec![class.clone()];
        (objects.secrets, objects.now) = (secrets, now);
        objects.config_maps = config_maps;
        objects
    })
}

fn options() -> impl Strategy<Value = Options> {
    (any::<[bool; 4]>(), prop::option::of(names())).prop_map(
        |([local, classless, external, passthrough], default)| {
            let mut options = Options::default();
            options.local_endpoints = local;
            options.watch_ingress_without_class = classless;
            options.ingress_class_by_name = classless;
            options.disable_external_name = external;
            let map = |name: &str| Some(ObjectName { namespace: "c".into(), name: name.into() });
            (options.tcp_services, options.udp_services) = (map("tcp"), map("udp"));
            options.ssl_passthrough = passthrough;
            options.reserved_ports = vec![443];
            options.default_backend_service =
                default.map(|name| ObjectName { namespace: "a".into(), name: name.into() });
            options
        },
    )
}

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

/// The Services of slices.
fn services_of(slices: &[Arc<EndpointSlice>]) -> BTreeSet<ObjectName> {
    let service = |slice: &Arc<EndpointSlice>| {
        let name = slice.metadata.labels.as_ref()?.get("kubernetes.io/service-name")?.as_str();
        Some(ObjectName { namespace: slice.metadata.namespace.as_deref()?.into(), name: name.into() })
    };
    slices.iter().filter_map(service).collect()
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
    fn the_short_way_for_endpoints_comes_to_the_same(
        mut objects in objects(),
        steps in prop::collection::vec((prop::collection::vec(slices(), 0..4), 0usize..8), 1..5),
        options in options(),
    ) {
        let mut compiler = Compiler::new(options.clone());
        same(compiler.compile(&objects), &compile(&objects, &options))?;
        for (new, at) in steps {
            let routes = compiler.compiled().snapshot.routes.clone();
            let at = at.min(objects.endpoint_slices.len());
            let until = (at + 2).min(objects.endpoint_slices.len());
            let mut touched = services_of(&new);
            touched.append(&mut services_of(&objects.endpoint_slices.splice(at..until, new).collect::<Vec<_>>()));
            let default = options.default_backend_service.as_ref();
            let compiled = compiler.endpoints(&objects, &touched);
            same(compiled, &compile(&objects, &options))?;
            if default.is_none_or(|name| !touched.contains(name)) {
                prop_assert!(Arc::ptr_eq(&routes, &compiled.snapshot.routes));
            }
        }
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
fn a_stream_gets_endpoints_by_the_short_way() {
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
    let after = compiler.endpoints(&objects, &[name("dns")].into());
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
