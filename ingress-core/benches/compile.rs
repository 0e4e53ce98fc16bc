//! What a whole compile costs, a recompile of the same objects, a change of one object among many, and a verdict about one more Ingress:
//! Ingresses with three paths each, one Service and one EndpointSlice with three endpoints for every Ingress. Before the measurements it
//! prints the memory of the greatest set: of the objects, of what a compiler makes of them, and the peaks of the first compile and of changes.

#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout)]
#![allow(clippy::disallowed_types)] // there is no runtime here whose time could stand still

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ingress_core::{Compiler, Objects, Options, admit, compile, recompile};
use k8s_openapi::api::networking::v1::Ingress;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

fn read<T: serde::de::DeserializeOwned>(object: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(object).unwrap())
}

fn objects(ingresses: usize) -> Objects {
    let mut objects = Objects::default();
    for number in 0..ingresses {
        let (namespace, name) = (format!("team-{}", number % 200), format!("shop-{number}"));
        let path = |path: &str| {
            let backend = json!({"service": {"name": name, "port": {"name": "http"}}});
            json!({"path": path, "pathType": "Prefix", "backend": backend})
        };
        objects.ingresses.push(read(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {
                "namespace": namespace, "name": name, "creationTimestamp": "2024-01-01T00:00:00Z",
                "annotations": {
                    "kubernetes.io/ingress.class": "nginx",
                    "nginx.ingress.kubernetes.io/proxy-read-timeout": "120",
                },
            },
            "spec": {"rules": [{
                "host": format!("{name}.example-{}.com", number % 97),
                "http": {"paths": [path("/"), path("/api"), path("/static/assets")]},
            }]},
        })));
        objects.services.push(read(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        })));
        let address =
            |last: usize| json!({"addresses": [format!("10.{}.{}.{last}", number / 250, number % 250)]});
        objects.endpoint_slices.push(read(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": name},
            },
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [address(1), address(2), address(3)],
        })));
    }
    objects
}

/// A line of `/proc/self/status` in MiB; `None` where there is no such file.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|text| text.strip_prefix(line))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

fn peak(ingresses: usize) {
    let mut objects = objects(ingresses);
    let all = || Some((memory("VmRSS:")?, memory("VmHWM:")?));
    let Some((before, _)) = all() else { return };
    let mut compiler = Compiler::new(Options::default());
    assert_eq!(compiler.compile(&objects).report.ingresses, ingresses);
    let Some((after, peak)) = all() else { return };
    for number in 0..100 {
        let ingress = Arc::make_mut(&mut objects.ingresses[number]);
        ingress.spec.as_mut().unwrap().rules = None;
        compiler.compile(&objects.clone());
    }
    let Some((_, peak_of_changes)) = all() else { return };
    let routes = u64::try_from(3 * ingresses).unwrap();
    println!(
        "memory with {ingresses} ingresses: objects {before} MiB, what is made of them {} MiB ({} bytes a route), peak of the first compile \
         {peak} MiB, of changes {peak_of_changes} MiB",
        after.saturating_sub(before),
        (after.saturating_sub(before) << 20) / routes,
    );
}

fn bench(criterion: &mut Criterion) {
    peak(20_000);
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    let options = Options::default();
    for ingresses in [1_000, 20_000] {
        let objects = objects(ingresses);
        group.bench_function(BenchmarkId::new("new", ingresses), |bencher| {
            bencher.iter_batched(|| (), |()| compile(&objects, &options), BatchSize::PerIteration);
        });
        let earlier = compile(&objects, &options).snapshot;
        group.bench_function(BenchmarkId::new("same", ingresses), |bencher| {
            bencher.iter_batched(
                || (),
                |()| recompile(&earlier, &objects, &options),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// The place of what changes.
const AT: usize = 10_000;

/// Changes objects, there and back again.
type Change = fn(&mut Objects, bool);

const CHANGES: [(&str, Change); 6] = [
    ("ingress changed", |objects, there| {
        let timeout = if there { "60" } else { "120" };
        let ingress = Arc::make_mut(&mut objects.ingresses[AT]);
        let annotations = ingress.metadata.annotations.as_mut().unwrap();
        annotations.insert("nginx.ingress.kubernetes.io/proxy-read-timeout".into(), timeout.into());
    }),
    ("ingress added or removed", |objects, there| match there {
        true => {
            let mut new = Ingress::clone(&objects.ingresses[AT]);
            new.metadata.name = Some("new".into());
            new.spec.as_mut().unwrap().rules.as_mut().unwrap()[0].host = Some("new.com".into());
            objects.ingresses.insert(AT, new.into());
        }
        false => drop(objects.ingresses.remove(AT)),
    }),
    ("service ports changed", |objects, there| {
        let service = Arc::make_mut(&mut objects.services[AT]);
        let name = if there { "other" } else { "http" };
        service.spec.as_mut().unwrap().ports.as_mut().unwrap()[0].name = Some(name.into());
    }),
    ("endpoints changed", |objects, there| {
        let slice = Arc::make_mut(&mut objects.endpoint_slices[AT]);
        let address = if there { "10.9.9.9" } else { "10.9.9.8" };
        slice.endpoints[0].addresses = vec![address.into()];
    }),
    ("secret rotated", |objects, there| {
        let at = usize::from(there);
        let secret = Arc::make_mut(&mut objects.secrets[0]);
        let wanted = secret.string_data.as_ref().unwrap()[["one", "two"][at]].clone();
        secret.string_data.as_mut().unwrap().insert("tls.crt".into(), wanted);
    }),
    ("nothing changed", |_, _| {}),
];

/// One of twenty thousand changes.
fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("change");
    group.sample_size(10);
    for (name, change) in CHANGES {
        let (mut objects, mut there) = (with_certificate(objects(20_000)), false);
        let mut compiler = Compiler::new(Options::default());
        compiler.compile(&objects);
        let mut held = Vec::new();
        group.bench_function(BenchmarkId::new(name, 20_000), |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    there = !there;
                    // As a store does: what is read is not what will be changed.
                    change(&mut objects, there);
                    let read = objects.clone();
                    let start = Instant::now();
                    let snapshot = compiler.compile(&read).snapshot.clone();
                    // As a publisher does: the snapshot before this one goes when nobody has it any more.
                    let same = held.last().is_some_and(|last| *last == snapshot);
                    held = vec![snapshot];
                    took += start.elapsed();
                    assert!(!same || name == "nothing changed");
                }
                took
            });
        });
    }
    group.finish();
}

/// Gives one Ingress a Secret, in which there is another certificate at hand.
fn with_certificate(mut objects: Objects) -> Objects {
    let certificate = |key: &KeyPair| {
        let names = vec!["shop-7.example-7.com".to_owned()];
        CertificateParams::new(names).unwrap().self_signed(key).unwrap().pem()
    };
    let key = KeyPair::generate().unwrap();
    let ingress = Arc::make_mut(&mut objects.ingresses[7]);
    ingress.spec.as_mut().unwrap().tls = serde_json::from_value(json!([{"secretName": "cert"}])).unwrap();
    objects.secrets.push(read(json!({
        "metadata": {"namespace": ingress.metadata.namespace, "name": "cert"}, "type": "kubernetes.io/tls",
        "stringData": {
            "tls.crt": certificate(&key), "tls.key": key.serialize_pem(),
            "one": certificate(&key), "two": certificate(&key),
        },
    })));
    objects
}

fn verdicts(criterion: &mut Criterion) {
    let objects = objects(5_000);
    let options = Options::default();
    let mut candidate = Ingress::clone(&objects.ingresses[2_500]);
    let changed = candidate.clone();
    candidate.metadata.name = Some("new".into());
    candidate.metadata.creation_timestamp = None;
    assert!(admit(&objects, &options, &candidate).refused.is_some());
    assert_eq!(admit(&objects, &options, &changed).refused, None);
    for (name, candidate) in [("refused", &candidate), ("passes", &changed)] {
        criterion.bench_function(&format!("admit/{name}/5000"), |bencher| {
            bencher.iter(|| admit(&objects, &options, candidate));
        });
    }
}

criterion_group!(benches, bench, changes, verdicts);
criterion_main!(benches);
