use http::{Method, Uri};
use ingress_proxy::{Finished, Try};

use super::*;

/// A request for `/x` that was answered by one endpoint.
struct Request<'r> {
    route: Option<&'r Arc<Route>>,
    host: &'r str,
    known: bool,
    default: bool,
    status: u16,
    method: Method,
    tries: usize,
}

impl<'r> Request<'r> {
    fn new(route: &'r Arc<Route>, host: &'r str) -> Self {
        let (status, method) = (200, Method::GET);
        Self { route: Some(route), host, known: true, default: false, status, method, tries: 1 }
    }

    /// A request that no route matched.
    fn stray(host: &'r str, known: bool) -> Self {
        let (status, method) = (404, Method::GET);
        Self { route: None, host, known, default: true, status, method, tries: 0 }
    }

    fn tell(&self, observer: &mut Option<Box<dyn Observer>>) {
        let target: Uri = "/x".parse().unwrap();
        let mut one = Try::new("127.0.0.1:1".parse().unwrap());
        one.connect_time = Duration::from_millis(2);
        one.header_time = Some(Duration::from_millis(30));
        one.response_time = Duration::from_millis(60);
        let tries = vec![one; self.tries];
        let mut finished = Finished::new(&self.method, &target);
        finished.host = self.host;
        (finished.known_host, finished.default_backend) = (self.known, self.default);
        finished.status = self.status;
        finished.route = self.route;
        finished.duration = Duration::from_millis(250);
        (finished.request_length, finished.bytes_sent) = (75, 12_345);
        finished.tries = &tries;
        observer.as_mut().unwrap().finished(&finished);
    }
}

fn labels(status: &str, method: &str, rest: &str) -> String {
    format!("status=\"{status}\",method=\"{method}\",{rest}")
}

/// The series of `requests` with their numbers, without what all have in common.
fn requests(metrics: &Metrics) -> Vec<(String, f64)> {
    let start = ours("requests", "status=");
    let start = start.strip_suffix("status=}").unwrap().to_owned();
    let all = parse(&metrics.render()).into_iter();
    all.filter_map(|(name, value)| Some((name.strip_prefix(&start)?.trim_end_matches('}').to_owned(), value)))
        .collect()
}

const WEB: &str =
    "path=\"/api\",namespace=\"shop\",ingress=\"web\",service=\"api\",canary=\"\",host=\"a.test\"";

#[test]
fn a_request_is_in_all_metrics_under_the_labels_of_its_route() {
    let metrics = Metrics::new(config(true), names());
    let route = route("a.test", "/api", "web", "shop/api:http");
    metrics.published(&Arc::default(), &snapshot(&[&route]));
    let (mut one, mut other) = (metrics.observer(0), metrics.observer(1));
    Request::new(&route, "a.test").tell(&mut one);
    Request::new(&route, "a.test").tell(&mut other);
    Request { method: Method::POST, status: 201, ..Request::new(&route, "a.test") }.tell(&mut one);
    let samples = parse(&metrics.render());
    let get = labels("200", "GET", WEB);
    assert_eq!(samples[&ours("requests", &get)], 2.0);
    assert_eq!(samples[&ours("requests", &labels("201", "POST", WEB))], 1.0);
    for (name, sum, below, from) in [
        ("request_duration_seconds", 0.5, "0.1", "0.25"),
        ("response_duration_seconds", 0.12, "0.05", "0.1"),
        ("header_duration_seconds", 0.06, "0.025", "0.05"),
        ("connect_duration_seconds", 0.004, "", "0.005"),
        ("request_size", 150.0, "70", "80"),
        ("response_size", 24_690.0, "100", "+Inf"),
        ("bytes_sent", 24_690.0, "10000", "100000"),
    ] {
        let bucket = |le: &str| samples[&ours(&format!("{name}_bucket"), &format!("{get},le=\"{le}\""))];
        assert_eq!(samples[&ours(&format!("{name}_count"), &get)], 2.0, "{name}");
        assert!((samples[&ours(&format!("{name}_sum"), &get)] - sum).abs() < 1e-9, "{name}");
        assert!(bucket(from) == 2.0 && (below.is_empty() || bucket(below) == 0.0), "{name}");
    }
    assert!(samples.contains_key(&ours("bytes_sent_bucket", &format!("{get},le=\"1e+06\""))));
}

#[test]
fn times_of_endpoints_are_those_of_one_that_answered() {
    let metrics = Metrics::new(config(true), names());
    let route = route("a.test", "/api", "web", "shop/api:http");
    metrics.published(&Arc::default(), &snapshot(&[&route]));
    let mut observer = metrics.observer(0);
    for tries in [0, 2] {
        Request { tries, ..Request::new(&route, "a.test") }.tell(&mut observer);
    }
    let samples = parse(&metrics.render());
    assert_eq!(samples[&ours("request_duration_seconds_count", &labels("200", "GET", WEB))], 2.0);
    for name in ["response_duration", "header_duration", "connect_duration"] {
        assert!(!samples.keys().any(|key| key.contains(name)), "{name}");
    }
}

#[test]
fn hosts_that_no_ingress_names_are_counted_only_if_asked_for() {
    let route = route("", "/api", "web", "shop/api:80");
    let (known, unknown) = (Request::new(&route, "x.test"), Request::stray("y.test", false));
    let any = Request { known: false, ..known };
    let count = |change: &dyn Fn(&mut MetricsConfig)| {
        let mut config = config(true);
        change(&mut config);
        let metrics = Metrics::new(config, names());
        metrics.published(&Arc::default(), &snapshot(&[&route]));
        let mut observer = metrics.observer(0);
        for _ in 0..2 {
            any.tell(&mut observer);
            unknown.tell(&mut observer);
        }
        requests(&metrics)
    };
    assert_eq!(count(&|_| ()), []);
    let of = WEB.split(",host").next().unwrap();
    let none = "path=\"-\",namespace=\"-\",ingress=\"-\",service=\"-\",canary=\"\"";
    let with_hosts = vec![
        (labels("200", "GET", &format!("{of},host=\"x.test\"")), 2.0),
        (labels("404", "GET", &format!("{none},host=\"y.test\"")), 2.0),
    ];
    assert_eq!(count(&|config| config.per_undefined_host = true), with_hosts);
    let without = vec![(labels("200", "GET", of), 2.0), (labels("404", "GET", none), 2.0)];
    assert_eq!(count(&|config| config.per_host = false), without);
}

#[test]
fn what_no_path_matches_is_counted_to_the_ingress_of_the_host() {
    let metrics = Metrics::new(config(true), names());
    let (exact, wide) =
        (route("a.test", "/api", "web", "shop/api:80"), route("*.b.test", "/", "b", "shop/b:80"));
    metrics.published(&Arc::default(), &snapshot(&[&exact, &wide]));
    let mut observer = metrics.observer(0);
    Request::stray("a.test", true).tell(&mut observer);
    for host in ["x.b.test", "y.b.test"] {
        Request::stray(host, true).tell(&mut observer);
        Request::new(&wide, host).tell(&mut observer);
    }
    let rest = |ingress, service, host| {
        format!(
            "path=\"/\",namespace=\"shop\",ingress=\"{ingress}\",service=\"{service}\",canary=\"\",host=\"{host}\""
        )
    };
    let expected = [
        (labels("200", "GET", &rest("b", "b", "*.b.test")), 2.0),
        (labels("404", "GET", &rest("b", "-", "*.b.test")), 2.0),
        (labels("404", "GET", &rest("web", "-", "a.test")), 1.0),
    ];
    assert_eq!(requests(&metrics), expected);
}

#[test]
fn the_health_path_and_odd_methods_make_no_series() {
    let metrics = Metrics::new(config(true), names());
    let route = route("a.test", "/api", "web", "shop/api:http");
    metrics.published(&Arc::default(), &snapshot(&[&route]));
    let mut observer = metrics.observer(0);
    for name in ["BREW", "WHEN", "PROPFIND"] {
        let method = Method::from_bytes(name.as_bytes()).unwrap();
        Request { method, ..Request::new(&route, "a.test") }.tell(&mut observer);
    }
    let target: Uri = "/healthz".parse().unwrap();
    let mut probe = Finished::new(&Method::GET, &target);
    (probe.health_check, probe.known_host, probe.route) = (true, true, Some(&route));
    observer.as_mut().unwrap().finished(&probe);
    let expected = [(labels("200", "PROPFIND", WEB), 1.0), (labels("200", "other", WEB), 2.0)];
    assert_eq!(requests(&metrics), expected);
}

#[test]
fn flags_leave_metrics_out_and_put_statuses_together() {
    let exclude =
        vec!["nginx_ingress_controller_request_size".into(), " bytes_sent ".into(), "requests".into()];
    let config = MetricsConfig { exclude, status_classes: true, time_buckets: vec![1.0], ..config(true) };
    let metrics = Metrics::new(config, names());
    let route = route("a.test", "/api", "web", "shop/api:http");
    metrics.published(&Arc::default(), &snapshot(&[&route]));
    let mut observer = metrics.observer(0);
    for status in [200, 204, 503] {
        Request { status, ..Request::new(&route, "a.test") }.tell(&mut observer);
    }
    let samples = parse(&metrics.render());
    assert_eq!(samples[&ours("response_size_count", &labels("2xx", "GET", WEB))], 2.0);
    assert_eq!(samples[&ours("response_size_count", &labels("5xx", "GET", WEB))], 1.0);
    let buckets = samples.keys().filter(|name| name.contains("request_duration_seconds_bucket")).count();
    assert_eq!(buckets, 2 * 2);
    for name in ["request_size_", "bytes_sent_", "requests{"] {
        let name = format!("nginx_ingress_controller_{name}");
        assert!(!samples.keys().any(|key| key.starts_with(&name)), "{name}");
    }
}

#[test]
fn series_outlive_a_change_of_their_route_and_end_with_their_ingress() {
    let metrics = Metrics::new(config(true), names());
    let publish = |routes: &[&Arc<Route>]| metrics.published(&Arc::default(), &snapshot(routes));
    let (web, old) = (route("a.test", "/api", "web", "shop/api:1"), route("b.test", "/", "old", "shop/b:1"));
    publish(&[&web, &old]);
    let mut observer = metrics.observer(0);
    Request::new(&web, "a.test").tell(&mut observer);
    Request::new(&old, "b.test").tell(&mut observer);
    assert_eq!(requests(&metrics).len(), 2);
    // Another port is another route of the same Ingress.
    let changed = route("a.test", "/api", "web", "shop/api:2");
    publish(&[&changed]);
    Request::new(&changed, "a.test").tell(&mut observer);
    // One that began before the Ingress went.
    Request::new(&old, "b.test").tell(&mut observer);
    assert_eq!(requests(&metrics), [(labels("200", "GET", WEB), 2.0)]);
    Request::new(&old, "b.test").tell(&mut observer);
    assert_eq!(requests(&metrics).len(), 1);
    // The Ingress is back, and counted from its start.
    let back = route("b.test", "/", "old", "shop/b:1");
    publish(&[&changed, &back]);
    Request::new(&back, "b.test").tell(&mut observer);
    Request::new(&old, "b.test").tell(&mut observer);
    assert_eq!(requests(&metrics).last().unwrap().1, 2.0);
}

#[test]
fn many_routes_that_went_leave_nothing_in_an_observer() {
    let metrics = Metrics::new(config(true), names());
    let mut observer = observer::MetricsObserver::new(0, metrics.requests.clone());
    for number in 0..1000 {
        let route = route("a.test", "/api", "web", &format!("shop/api:{number}"));
        let (target, method) = ("/x".parse().unwrap(), Method::GET);
        let mut finished = Finished::new(&method, &target);
        (finished.known_host, finished.host, finished.route) = (true, "a.test", Some(&route));
        observer.finished(&finished);
    }
    assert!(observer.known_routes() <= 64, "{}", observer.known_routes());
    assert_eq!(requests(&metrics), [(labels("200", "GET", WEB), 1000.0)]);
}

/// `cargo test -p ingress-controller -- --ignored --nocapture how_long`, optimised, gives the figures.
#[test]
#[ignore = "prints times"]
fn how_long_it_takes() {
    for (name, exclude) in [
        ("all metrics", vec![]),
        ("one histogram", MEASURES[1..].iter().map(|measure| measure.name.to_owned()).collect()),
    ] {
        let metrics = Metrics::new(MetricsConfig { exclude, ..config(true) }, names());
        let name_of = |number| format!("host-{number}.example.com");
        let routes: Vec<_> = (0..2000)
            .map(|number| route(&name_of(number), "/api", &format!("ingress-{number}"), "shop/api:80"))
            .collect();
        let all: Vec<_> = routes.iter().collect();
        metrics.published(&Arc::default(), &snapshot(&all));
        let mut observers = [metrics.observer(0), metrics.observer(1)];
        let round = |observers: &mut [Option<Box<dyn Observer>>; 2]| {
            let start = tokio::time::Instant::now();
            for route in &routes {
                observers.iter_mut().for_each(|observer| Request::new(route, "a").tell(observer));
            }
            start.elapsed() / 4000
        };
        let (first, next) = (round(&mut observers), round(&mut observers));
        let mut length = 0;
        let mut times: Vec<_> = (0..11)
            .map(|_| {
                let start = tokio::time::Instant::now();
                length = metrics.render().len();
                start.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "{name}: 2000 series, {length} bytes in {:?}; a request {next:?}, its first {first:?}",
            times[5]
        );
    }
}
