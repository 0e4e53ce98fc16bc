//! What a whole compile costs, and a recompile of the same objects: Ingresses with three paths each, one Service and one EndpointSlice with
//! three endpoints for every Ingress. Before the measurements it prints the peak of memory of one compile of the greatest set.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ingress_core::{Objects, Options, compile, recompile};
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

criterion_group!(benches, bench);
criterion_main!(benches);
