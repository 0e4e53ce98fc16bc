//! Any objects and options.

#[path = "certificates.rs"]
mod load;

use std::sync::Arc;

use ingress_core::{ObjectName, Objects, Options};
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) fn read<T: DeserializeOwned>(object: Value) -> Arc<T> {
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
pub(crate) fn objects() -> impl Strategy<Value = Objects> {
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

pub(crate) fn options() -> impl Strategy<Value = Options> {
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
