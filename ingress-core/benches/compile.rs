//! What a whole compile costs, a recompile of the same objects, a change of the endpoints of one Service, and a verdict about one more
//! Ingress: Ingresses with three paths each, one Service and one EndpointSlice with three endpoints for every Ingress. Before the measurements it prints the peak of memory of one compile of the greatest set.

#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ingress_core::{Compiler, ObjectName, Objects, Options, admit, compile, recompile};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;
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
    let objects = objects(ingresses);
    let before = memory("VmRSS:");
    let compiled = compile(&objects, &Options::default());
    assert_eq!(compiled.report.ingresses, ingresses);
    if let (Some(before), Some(peak), Some(after)) = (before, memory("VmHWM:"), memory("VmRSS:")) {
        println!(
            "memory with {ingresses} ingresses: objects {before} MiB, peak of the compile {peak} MiB, snapshot {} MiB",
            after.saturating_sub(before)
        );
    }
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

/// One of three endpoints comes and goes.
fn endpoints(criterion: &mut Criterion) {
    let mut objects = objects(20_000);
    let at = 10_000;
    let before = objects.endpoint_slices[at].clone();
    let mut less = EndpointSlice::clone(&before);
    less.endpoints.pop();
    let after = Arc::new(less);
    let meta = &before.metadata;
    let service = ObjectName {
        namespace: meta.namespace.as_deref().unwrap().into(),
        name: meta.name.as_deref().unwrap().into(),
    };
    let touched = BTreeSet::from([service]);
    let mut compiler = Compiler::new(Options::default());
    compiler.compile(&objects);
    let mut held = Vec::new();
    criterion.bench_function("endpoints/20000", |bencher| {
        bencher.iter(|| {
            let slice = &mut objects.endpoint_slices[at];
            *slice = if Arc::ptr_eq(slice, &before) { after.clone() } else { before.clone() };
            // As a publisher does: the snapshot before this one goes when nobody has it any more.
            held = vec![compiler.endpoints(&objects, &touched).snapshot.clone()];
        });
    });
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

criterion_group!(benches, bench, endpoints, verdicts);
criterion_main!(benches);
