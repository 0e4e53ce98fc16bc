mod certificates;
mod check;
mod requests;

use std::time::Duration;

use ingress_core::{
    Backend, Finding, HostPattern, ObjectName, ObjectRef, PathPattern, Route, Settings, Severity, Upstream,
};

use super::*;
use check::parse;

/// A metric of ours, with the constant labels.
fn ours(name: &str, labels: &str) -> String {
    let comma = if labels.is_empty() { "" } else { "," };
    format!(
        "nginx_ingress_controller_{name}{{controller_namespace=\"ingress-nginx\",controller_class=\"k8s.io/ingress-nginx\",\
         controller_pod=\"pod-1\"{comma}{labels}}}"
    )
}

fn config(enabled: bool) -> MetricsConfig {
    MetricsConfig { enabled, ..MetricsConfig::default() }
}

fn names() -> Names {
    Names {
        namespace: "ingress-nginx".into(),
        pod: "pod-1".into(),
        class: "k8s.io/ingress-nginx".into(),
        election_id: "ingress-controller-leader".into(),
    }
}

fn route(host: &str, path: &str, ingress: &str, upstream: &str) -> Arc<Route> {
    let (host, path) = (HostPattern::parse(host).unwrap(), PathPattern::prefix(path).unwrap());
    let mut route = Route::new(host, path, Backend::Upstream(upstream.into()));
    route.ingress = Some(ObjectName { namespace: "shop".into(), name: ingress.into() });
    route.into()
}

/// A snapshot with these routes, each with one endpoint.
fn snapshot(routes: &[&Arc<Route>]) -> Arc<Snapshot> {
    let mut builder = Snapshot::builder();
    let mut names: Vec<_> = routes.iter().map(|route| route.backend.clone()).collect();
    names.dedup();
    for name in names {
        let Backend::Upstream(name) = name else { continue };
        builder = builder.upstream(Upstream::new(name, ["127.0.0.1:1".parse().unwrap()]));
    }
    for route in routes {
        builder = builder.route((*route).clone());
    }
    Arc::new(builder.build().unwrap())
}

#[test]
fn what_is_always_there() {
    let metrics = Metrics::new(config(false), names());
    assert!(metrics.observer(0).is_none());
    let samples = parse(&metrics.render());
    let build = format!("release=\"{}\",build=\"\",repository=\"\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples[&ours("build_info", &build)], 1.0);
    assert_eq!(samples[&ours("success", "")], 0.0);
    assert_eq!(samples[&ours("nginx_process_num_procs", "")], 1.0);
    assert!(samples["process_resident_memory_bytes"] > 1e5);
    let unknown = ["leader_election_status", "config_hash", "requests", "check_success", "admission_"];
    for name in unknown {
        assert!(!samples.keys().any(|key| key.contains(name)), "{name}");
    }
}

#[test]
fn who_leads_and_what_others_count() {
    let metrics = Metrics::new(config(false), names());
    metrics.set_sources(Sources {
        counts: Box::new(|| {
            let mut counts = Counts::default();
            (counts.active, counts.waiting, counts.accepted, counts.requests) = (3, 2, 9, 70);
            (counts.handshakes, counts.handshakes_resumed) = (8, 6);
            (counts.handshakes_failed, counts.proxy_headers_refused) = (1, 2);
            counts
        }),
        dropped_lines: Box::new(|| 5),
        workers: 4,
    });
    for (leads, value) in [(true, 1.0), (false, 0.0)] {
        metrics.leads(leads);
        let name = ours("leader_election_status", "name=\"ingress-controller-leader\"");
        assert_eq!(parse(&metrics.render())[&name], value);
    }
    let samples = parse(&metrics.render());
    for (name, labels, value) in [
        ("nginx_process_connections", "state=\"active\"", 3.0),
        ("nginx_process_connections", "state=\"waiting\"", 2.0),
        ("nginx_process_connections_total", "state=\"accepted\"", 9.0),
        ("nginx_process_requests_total", "", 70.0),
        ("tls_handshakes_total", "", 8.0),
        ("tls_handshakes_resumed_total", "", 6.0),
        ("tls_handshakes_failed_total", "", 1.0),
        ("proxy_headers_refused_total", "", 2.0),
        ("access_log_dropped_lines_total", "", 5.0),
        ("workers", "", 4.0),
    ] {
        assert_eq!(samples[&ours(name, labels)], value, "{name}");
    }
}

#[test]
fn a_configuration_is_told_from_the_next_and_from_a_failure() {
    let metrics = Metrics::new(config(false), names());
    let sample = |name: &str| parse(&metrics.render())[&ours(name, "")];
    let (a, b) = (route("a.test", "/", "a", "shop/a:80"), route("b.test", "/", "b", "shop/b:80"));
    let (first, published) = (snapshot(&[&a, &b]), Arc::<Published>::default());
    metrics.published(&published, &first);
    let hash = sample("config_hash");
    assert!(hash > 0.0 && hash < 9e15 && hash.fract() == 0.0);
    assert_eq!(
        (sample("success"), sample("errors"), sample("config_last_reload_successful")),
        (1.0, 0.0, 1.0)
    );
    let when = sample("config_last_reload_successful_timestamp_seconds");
    assert!(when > 1.7e9);

    // Nothing changed; then the same again as another allocation, in another order; then endpoints; then a setting.
    metrics.published(&published, &first);
    assert_eq!((sample("success"), sample("config_hash")), (1.0, hash));
    metrics.published(&published, &snapshot(&[&b, &a]));
    assert_eq!((sample("success"), sample("config_hash")), (2.0, hash));
    let mut settings = Settings::default();
    settings.server_tokens = true;
    metrics.published(&published, &Arc::new(Snapshot::clone(&first).with_settings(settings)));
    assert!(sample("success") == 3.0 && sample("config_hash") != hash);
    metrics.published(&published, &first);
    assert_eq!((sample("success"), sample("config_hash")), (4.0, hash));
    metrics.failed();
    assert_eq!(
        (sample("success"), sample("errors"), sample("config_last_reload_successful")),
        (4.0, 1.0, 0.0)
    );
    metrics.published(&published, &snapshot(&[&a]));
    assert!(sample("config_hash") != hash && sample("config_last_reload_successful") == 1.0);
}

#[test]
fn ingresses_without_service_or_endpoint_are_orphans() {
    let metrics = Metrics::new(config(false), names());
    let routes = [("a", "shop/a:80"), ("b", "shop/b:80"), ("c", "shop/c:80")]
        .map(|(name, to)| route(name, "/", name, to));
    let mut builder = Snapshot::builder();
    for (route, name) in routes.iter().zip(["shop/a:80", "shop/b:80", "shop/c:80"]) {
        let address = (name == "shop/a:80").then(|| "127.0.0.1:1".parse().unwrap());
        builder = builder.upstream(Upstream::new(name, address)).route(route.clone());
    }
    let mut published = Published::default();
    let ingress = ObjectRef::new("ingress", "shop", "b");
    published.report.findings = vec![
        Finding::new(Severity::Error, "UnknownService", ingress.clone(), "", "x", ""),
        Finding::new(Severity::Warning, "Other", ingress, "", "y", ""),
    ];
    metrics.published(&Arc::new(published), &Arc::new(builder.build().unwrap()));
    let samples = parse(&metrics.render());
    let orphans: Vec<_> = samples.keys().filter(|name| name.contains("orphan_ingress")).cloned().collect();
    let orphan = |name: &str, kind: &str| {
        ours("orphan_ingress", &format!("namespace=\"shop\",ingress=\"{name}\",type=\"{kind}\""))
    };
    assert_eq!(orphans, [orphan("b", "no-service"), orphan("c", "no-endpoint")]);
    for severity in ["error", "warning"] {
        assert_eq!(samples[&ours("findings", &format!("severity=\"{severity}\""))], 1.0);
    }
}

#[test]
fn calls_of_the_webhook_are_counted() {
    let metrics = Metrics::new(config(false), names());
    let (namespace, name, time) = ("shop".into(), "web".into(), Duration::from_millis(3));
    metrics.checked(Checked { namespace, name, refused: true, judged: time, roundtrip: time, size: 100 });
    let samples = parse(&metrics.render());
    assert_eq!(samples[&ours("check_errors", "namespace=\"shop\",ingress=\"web\"")], 1.0);
    assert_eq!(samples[&ours("admission_tested_duration", "")], 0.003);
}
