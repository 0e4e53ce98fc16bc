use ingress_core::snapshot::SnapshotBuilder;
use ingress_core::{HostPattern, ObjectRef, PathPattern};

use super::super::Counts;
use super::*;

fn published(snapshot: &Snapshot, findings: &[&str], problems: &[&str]) -> Published {
    let object = || ObjectRef { kind: "ingress", namespace: "default".into(), name: "web".into() };
    let mut report = Report::default();
    report.ingresses = 1;
    report.findings = findings
        .iter()
        .map(|text| Finding::new(Severity::Warning, "Any", object(), "spec", *text, "do it"))
        .collect();
    let problem = |text: &&str| Problem { line: Some(3), ..Problem::new("a.yaml", *text, "") };
    let problems = problems.iter().map(problem).collect();
    Published { generation: 1, counts: Counts::of(snapshot), report, problems, ..Published::default() }
}

fn route(host: &str, path: &str, upstream: &str) -> Route {
    let host = HostPattern::parse(host).unwrap();
    Route::new(host, PathPattern::prefix(path).unwrap(), Backend::Upstream(upstream.into()))
}

fn upstream(name: &str, ports: &[u16]) -> Upstream {
    Upstream::new(name, ports.iter().map(|port| ([127, 0, 0, 1], *port).into()))
}

fn small() -> SnapshotBuilder {
    Snapshot::builder()
        .upstream(upstream("default/api:80", &[1, 2]))
        .upstream(upstream("default/web:80", &[3]))
        .route(route("mywebsite.com", "/api", "default/api:80"))
        .route(route("mywebsite.com", "/web", "default/web:80"))
}

fn info(text: &str) -> Line {
    Line::Info(text.into())
}

#[test]
fn the_start_lists_hosts_and_what_is_wrong() {
    let snapshot = small().default_route(route("", "/", "default/web:80")).build().unwrap();
    let lines = all(&snapshot, &published(&snapshot, &["is odd"], &["is broken"]));
    assert_eq!(
        lines,
        [
            info("1 Ingress with 1 host and 2 routes, 2 upstreams with 3 endpoints"),
            info("mywebsite.com: /api → default/api:80 (2 endpoints), /web → default/web:80 (1 endpoint)"),
            info("anything else → default/web:80 (1 endpoint)"),
            Line::Warn("ingress default/web: spec: is odd; do it".into()),
            Line::Error("a.yaml:3: is broken".into()),
        ]
    );
}

#[test]
fn long_lists_are_cut() {
    let mut builder = Snapshot::builder().upstream(upstream("u", &[1]));
    for host in 0..25 {
        builder = builder.route(route(&format!("h{host:02}.test"), "/", "u"));
    }
    for path in 0..12 {
        builder = builder.route(route("a.test", &format!("/{path:02}"), "u"));
    }
    let snapshot = builder.build().unwrap();
    let lines = all(&snapshot, &published(&snapshot, &[], &[]));
    assert_eq!(lines.len(), 1 + MOST_HOSTS + 1);
    let Some(Line::Info(first)) = lines.get(1) else { panic!("{lines:?}") };
    assert!(
        first.starts_with("a.test: /00 → u (1 endpoint), ") && first.ends_with(", and 2 more"),
        "{first}"
    );
    assert_eq!(lines.last(), Some(&info("and 6 more hosts")));
}

#[test]
fn a_change_is_one_line() {
    let before = small().build().unwrap();
    let after = Snapshot::builder()
        .upstream(upstream("default/api:80", &[1]))
        .upstream(upstream("default/new:80", &[]))
        .route(route("mywebsite.com", "/api", "default/new:80"))
        .route(route("other.test", "/", "default/api:80"))
        .build()
        .unwrap();
    let lines = delta((&before, &published(&before, &[], &[])), (&after, &published(&after, &[], &[])));
    assert_eq!(
        lines,
        [info(
            "1 route added (other.test/), 1 route removed (mywebsite.com/web), 1 route changed (mywebsite.com/api → \
             default/new:80 (no endpoints)), 1 upstream added (default/new:80), 1 upstream removed (default/web:80), \
             1 upstream changed (default/api:80, 2 endpoints → 1 endpoint); now 1 Ingress with 2 hosts and 2 routes, \
             2 upstreams with 1 endpoint"
        )]
    );
}

#[test]
fn what_is_the_same_is_not_said_again() {
    let snapshot = small().build().unwrap();
    let before = published(&snapshot, &["is odd", "stays"], &["is broken"]);
    assert_eq!(delta((&snapshot, &before), (&snapshot, &before)), []);
    let after = published(&snapshot, &["stays", "is new"], &[]);
    assert_eq!(
        delta((&snapshot, &before), (&snapshot, &after)),
        [
            Line::Warn("ingress default/web: spec: is new; do it".into()),
            info("resolved: ingress default/web: spec: is odd; do it"),
            info("resolved: a.yaml:3: is broken"),
        ]
    );
}
