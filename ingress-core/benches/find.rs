//! What it costs to find a route, by the number of hosts. Hosts are asked for in random order, so that what a request needs is in no cache
//! by luck; the requests are made beforehand.
//!
//! `find` has a hundred kinds of hosts, each with paths of its own kind; in `find-all-different` no two hosts have the same paths.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ingress_core::{Backend, HostPattern, PathPattern, Route, RouteTable};

fn paths(kind: usize) -> [String; 3] {
    ["/".to_owned(), format!("/api-{kind}"), format!("/static/assets-{kind}")]
}

fn request(kind: usize, choice: usize) -> String {
    match choice % 4 {
        0 => format!("/api-{kind}/v1/users"),
        1 => format!("/static/assets-{kind}/app.js"),
        2 => format!("/api-{kind}"),
        _ => "/index.html".to_owned(),
    }
}

fn host(number: usize) -> String {
    format!("shop-{number}.example-{}.com", number % 97)
}

fn table(hosts: usize, kinds: usize) -> RouteTable {
    let mut builder = RouteTable::builder();
    for number in 0..hosts {
        let host = HostPattern::parse(&host(number)).unwrap();
        for path in paths(number % kinds) {
            let backend = Backend::Upstream(format!("namespace/{number}:80").into());
            builder = builder.route(Route::new(host.clone(), PathPattern::prefix(&path).unwrap(), backend));
        }
    }
    builder.build().unwrap()
}

/// As many requests as are needed to ask for every host, in random order, in one block of memory.
struct Requests {
    text: String,
    /// Start of the host, of the path, and the end.
    marks: Vec<[usize; 3]>,
}

impl Requests {
    fn new(hosts: usize, kinds: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap()
        };
        let mut requests = Self { text: String::new(), marks: Vec::new() };
        for _ in 0..(2 * hosts).max(1024) {
            let number = random() % hosts;
            let start = requests.text.len();
            requests.text.push_str(&host(number));
            let path = requests.text.len();
            requests.text.push_str(&request(number % kinds, random()));
            requests.marks.push([start, path, requests.text.len()]);
        }
        requests
    }

    fn get(&self, index: usize) -> (&str, &str) {
        let [start, path, end] = *self.marks.get(index).unwrap();
        (self.text.get(start..path).unwrap(), self.text.get(path..end).unwrap())
    }
}

fn find(criterion: &mut Criterion) {
    for (name, most_kinds) in [("find", 100), ("find-all-different", usize::MAX)] {
        let mut group = criterion.benchmark_group(name);
        for hosts in [1, 1_000, 20_000, 100_000] {
            let kinds = hosts.min(most_kinds);
            let (table, requests) = (table(hosts, kinds), Requests::new(hosts, kinds));
            let mut next = 0;
            group.bench_function(BenchmarkId::from_parameter(hosts), |bencher| {
                bencher.iter(|| {
                    next = if next + 1 < requests.marks.len() { next + 1 } else { 0 };
                    let (host, path) = requests.get(next);
                    black_box(table.find(black_box(host), black_box(path)).unwrap());
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, find);
criterion_main!(benches);
