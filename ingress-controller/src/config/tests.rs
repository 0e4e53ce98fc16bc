use super::*;
use crate::args::Args;

/// As in a pod.
fn in_pod(flags: &[&str]) -> Result<RunConfig, Error> {
    let var = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("10.0.0.1".to_owned()),
        "POD_NAME" => Some("ingress-0".to_owned()),
        "POD_NAMESPACE" => Some("ingress-nginx".to_owned()),
        _ => None,
    };
    RunConfig::resolve(&args(flags), &var)
}

/// As on a machine of somebody's.
fn config(flags: &[&str]) -> Result<RunConfig, Error> {
    RunConfig::resolve(&args(flags), &|_| None)
}

fn args(flags: &[&str]) -> Args {
    Args::read(std::iter::once("x").chain(flags.iter().copied())).unwrap()
}

fn problem(flags: &[&str]) -> String {
    let error = in_pod(flags).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn files_are_served_without_a_class_unless_a_flag_says_no() {
    let options = config(&["--manifests=a"]).unwrap().options;
    assert!(options.watch_ingress_without_class && options.ingress_class_by_name && options.local_endpoints);
    let flags = ["--manifests=a", "--watch-ingress-without-class=false", "--ingress-class-by-name=false"];
    let options = config(&flags).unwrap().options;
    assert!(
        !options.watch_ingress_without_class && !options.ingress_class_by_name && options.local_endpoints
    );
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let error = config(&[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("pass one with --manifests=PATH, or the way to an API server with --kubeconfig"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 2);
    assert!(config(&["--manifests=a", "--http-port=0", "--https-port=0", "--healthz-port=0"]).is_ok());
}

#[test]
fn a_port_is_for_one_thing() {
    let webhook =
        ["--validating-webhook=:443", "--validating-webhook-certificate=c", "--validating-webhook-key=k"];
    for (flags, one, other, port) in [
        (&["--http-port=81", "--healthz-port=81"][..], "--http-port", "--healthz-port", 81),
        (&["--http-port=443"], "--http-port", "--https-port", 443),
        (&["--https-port=10254"], "--https-port", "--healthz-port", 10254),
        (&webhook, "--https-port", "--validating-webhook", 443),
    ] {
        assert_eq!(problem(flags), format!("{one} and {other} are both {port}; pass two different ports"));
    }
}

#[test]
fn https_is_served_on_the_addresses_of_http() {
    let config = in_pod(&["--bind-address=127.0.0.1,::1", "--https-port=8443"]).unwrap();
    assert_eq!(config.https, [(Ipv4Addr::LOCALHOST, 8443).into(), (Ipv6Addr::LOCALHOST, 8443).into()]);
    assert_eq!(config.options.https_port, 8443);
    let config = in_pod(&["--bind-address=127.0.0.1", "--https-port=0"]).unwrap();
    assert_eq!((config.https, config.options.https_port), (vec![(Ipv4Addr::LOCALHOST, 0).into()], 443));
    let options = in_pod(&["--default-ssl-certificate=a/b", "--enable-ssl-passthrough"]).unwrap().options;
    assert_eq!(options.default_certificate.unwrap().to_string(), "a/b");
    assert!(options.ssl_passthrough);
    let options =
        in_pod(&["--tcp-services-configmap=a/tcp", "--udp-services-configmap=a/udp"]).unwrap().options;
    let names = [options.tcp_services, options.udp_services].map(|name| name.unwrap().to_string());
    assert_eq!(names, ["a/tcp", "a/udp"]);
}

#[test]
fn every_address_is_the_default() {
    let http = config(&["--manifests=a"]).unwrap().http;
    assert_eq!(http.first(), Some(&(Ipv4Addr::UNSPECIFIED, 80).into()));
    let http = config(&["--manifests=a", "--bind-address=::1,127.0.0.1,::1"]).unwrap().http;
    assert_eq!(http, [(Ipv4Addr::LOCALHOST, 80).into(), (Ipv6Addr::LOCALHOST, 80).into()]);
}

#[test]
fn a_cluster_is_used_where_no_files_are_given() {
    let config = in_pod(&[]).unwrap();
    assert_eq!(config.source, Source::Cluster(ClusterConfig::default()));
    assert_eq!(config.pod.unwrap().to_string(), "ingress-nginx/ingress-0");
    let options = config.options;
    assert!(
        !options.watch_ingress_without_class && !options.ingress_class_by_name && !options.local_endpoints
    );
    assert_eq!(config.post_shutdown_grace_period, Duration::from_secs(10));
    assert!(in_pod(&["--watch-ingress-without-class"]).unwrap().options.watch_ingress_without_class);

    let config = self::config(&["--kubeconfig=/a", "--apiserver-host=http://127.0.0.1:8001"]).unwrap();
    let Source::Cluster(cluster) = config.source else { panic!("files") };
    assert_eq!(cluster.kubeconfig, Some("/a".into()));
    assert_eq!(cluster.host.as_deref(), Some("http://127.0.0.1:8001"));
    assert_eq!(config.pod, None);

    let config = in_pod(&["--manifests=a"]).unwrap();
    assert_eq!(config.source, Source::Manifests(vec!["a".into()]));
    assert_eq!((config.pod, config.post_shutdown_grace_period), (None, Duration::ZERO));
}

#[test]
fn flags_that_exclude_or_need_each_other_are_named() {
    let exclusive =
        |one: &str, other: &str| format!("{one} and {other} exclude each other; pass one of the two");
    let needs = |one: &str, other: &str| format!("{one} needs {other}; pass both or leave both out");
    for (flags, expected) in [
        (
            &["--watch-namespace=a", "--watch-namespace-selector=b=c"][..],
            exclusive("--watch-namespace", "--watch-namespace-selector"),
        ),
        (&["--manifests=a", "--kubeconfig=b"], exclusive("--manifests", "--kubeconfig")),
        (
            &["--publish-service=a/b", "--publish-status-address=10.0.0.1"],
            exclusive("--publish-service", "--publish-status-address"),
        ),
        (
            &["--metrics-per-undefined-host", "--metrics-per-host=false"],
            needs("--metrics-per-undefined-host", "--metrics-per-host"),
        ),
        (&["--validating-webhook=:1"], needs("--validating-webhook", "--validating-webhook-certificate")),
        (
            &["--validating-webhook-certificate=a", "--validating-webhook=:1"],
            needs("--validating-webhook", "--validating-webhook-key"),
        ),
        (&["--validating-webhook-key=a"], needs("--validating-webhook-key", "--validating-webhook")),
    ] {
        assert_eq!(problem(flags), expected);
    }
    assert!(problem(&["--watch-namespace-selector=a in"]).starts_with("--watch-namespace-selector: "));
}

#[test]
fn the_defaults_without_flags_are_those_of_the_types() {
    let config = in_pod(&[]).unwrap();
    assert_eq!(config.status, StatusConfig::default());
    assert_eq!(config.metrics, MetricsConfig::default());
    assert_eq!(config.webhook, None);
}

#[test]
fn what_is_told_to_the_cluster() {
    let status = |flags: &[&str]| in_pod(flags).unwrap().status;
    assert_eq!(status(&["--status-update-interval=1"]).interval, Duration::from_secs(5));
    assert_eq!(status(&["--election-ttl=-1s"]).election.ttl, Duration::from_secs(30));
    assert_eq!(status(&["--election-ttl=2s"]).election.ttl, Duration::from_secs(2));
    assert!(!status(&["--disable-leader-election"]).election.enabled);
    assert_eq!(status(&["--report-node-internal-ip-address"]).publish, Publish::Nodes { internal: true });
    let Publish::Addresses(addresses) = status(&["--publish-status-address=::1, lb.example.com"]).publish
    else {
        panic!("no addresses")
    };
    assert_eq!(
        addresses,
        [Address::Ip(Ipv6Addr::LOCALHOST.into()), Address::Hostname("lb.example.com".into())]
    );
}

#[test]
fn the_webhook_has_all_three_or_none() {
    let flags = [
        "--validating-webhook=127.0.0.1:8443",
        "--validating-webhook-certificate=/c",
        "--validating-webhook-key=/k",
    ];
    let webhook = in_pod(&flags).unwrap().webhook.unwrap();
    assert_eq!(webhook, WebhookConfig::new((Ipv4Addr::LOCALHOST, 8443).into(), "/c".into(), "/k".into()));
}
