use std::time::Duration;

use super::*;

fn read(arguments: &[&str]) -> Result<Args, NoArgs> {
    Args::read(std::iter::once("ingress-controller").chain(arguments.iter().copied()))
}

fn good(arguments: &[&str]) -> Args {
    read(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error:?}"))
}

fn wrong(arguments: &[&str]) -> String {
    match read(arguments) {
        Err(NoArgs::Wrong(message)) => message,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn the_defaults_are_those_of_ingress_nginx() {
    let args = good(&[]);
    assert_eq!((args.http_port, args.healthz_port, args.health_check_path.as_str()), (80, 10254, "/healthz"));
    assert_eq!((args.tls.https_port, &args.tls.default_ssl_certificate), (443, &None));
    assert!(!args.tls.enable_ssl_passthrough);
    assert!(args.streams.tcp_services_configmap.is_none() && args.streams.udp_services_configmap.is_none());
    assert_eq!(
        (args.ingress_class.as_str(), args.controller_class.as_str()),
        ("nginx", "k8s.io/ingress-nginx")
    );
    assert_eq!((args.stop.shutdown_grace_period, args.stop.worker_shutdown_timeout), (Duration::ZERO, None));
    assert_eq!((args.watch_ingress_without_class, args.ingress_class_by_name), (None, None));
    assert!(!args.disable_catch_all && !args.disable_svc_external_name);
    assert_eq!((args.workers(), args.verbosity, args.log_format), (None, 2, LogFormat::Text));
}

#[test]
fn values_stand_after_a_sign_or_a_space() {
    let args = good(&["--manifests=a", "--manifests", "b", "--http-port=8080", "--healthz-port", "9000"]);
    assert_eq!(args.manifests, [PathBuf::from("a"), "b".into()]);
    assert_eq!((args.http_port, args.healthz_port), (8080, 9000));
    let args = good(&["--bind-address", "127.0.0.1,[::1]", "--bind-address=10.0.0.1"]);
    assert_eq!(args.bind_address.len(), 3);
    let args =
        good(&["--worker-processes=4", "--worker-shutdown-timeout=1m30s", "--shutdown-grace-period", "10"]);
    assert_eq!(args.workers(), NonZeroUsize::new(4));
    let StopArgs { worker_shutdown_timeout, shutdown_grace_period, .. } = args.stop;
    assert_eq!(
        (worker_shutdown_timeout, shutdown_grace_period),
        (Some(Duration::from_secs(90)), Duration::from_secs(10))
    );
    let args = good(&["--default-backend-service=kube-system/default-http-backend", "--log-format=json"]);
    assert_eq!(args.default_backend_service.unwrap().to_string(), "kube-system/default-http-backend");
    assert_eq!(good(&["--default-backend-service="]).default_backend_service, None);
    assert_eq!(good(&["--healthz-host="]).healthz_host, None);
}

#[test]
fn the_last_one_wins() {
    assert_eq!(good(&["--http-port=1", "--http-port=2"]).http_port, 2);
    assert!(!good(&["--disable-catch-all", "--disable-catch-all=false"]).disable_catch_all);
}

#[test]
fn switches_are_read_as_go_reads_them() {
    assert!(good(&["--disable-catch-all"]).disable_catch_all);
    assert!(good(&["--disable-catch-all=1"]).disable_catch_all);
    assert!(!good(&["--disable-catch-all=F"]).disable_catch_all);
    assert_eq!(good(&["--watch-ingress-without-class=false"]).watch_ingress_without_class, Some(false));
    assert_eq!(
        wrong(&["--disable-catch-all=maybe"]),
        "--disable-catch-all: \"maybe\" is neither true nor false; pass one of them"
    );
    assert_eq!(
        wrong(&["--disable-catch-all", "false"]),
        "\"false\" is no flag; flags begin with --, and a folder is passed as --manifests=PATH"
    );
}

#[test]
fn verbosity_is_read_as_klog_and_others_write_it() {
    for (arguments, level) in [
        (&["-v"][..], 3),
        (&["-vv"], 5),
        (&["-v=4"], 4),
        (&["-v4"], 4),
        (&["-v", "4"], 4),
        (&["--v=1"], 1),
        (&["--v", "0"], 0),
        (&["-v", "--http-port=1"], 3),
        (&["--logtostderr", "--v=2"], 2),
    ] {
        assert_eq!(good(arguments).verbosity, level, "{arguments:?}");
    }
    assert_eq!(wrong(&["--v=high"]), "--v: \"high\" is no level; pass a number from 0 to 255");
}

#[test]
fn the_name_of_the_program_may_come_first() {
    assert_eq!(good(&["/nginx-ingress-controller", "--http-port=81"]).http_port, 81);
}

#[test]
fn wrong_values_are_named_with_the_way_out() {
    let port = |value: &str| format!("--http-port: \"{value}\" is no port; pass a number from 0 to 65535");
    assert_eq!(wrong(&["--http-port=70000"]), port("70000"));
    assert_eq!(wrong(&["--http-port", "-1"]), port("-1"));
    assert_eq!(wrong(&["--http-port="]), port(""));
    assert_eq!(wrong(&["--http-port=http"]), port("http"));
    assert_eq!(
        wrong(&["--bind-address=127.0.0.1:80"]),
        "--bind-address: \"127.0.0.1:80\" is no IP address; pass one without a port, such as 127.0.0.1 or ::1"
    );
    assert_eq!(
        wrong(&["--default-backend-service=web"]),
        "--default-backend-service: \"web\" does not name a Service; pass its namespace and name, such as default/web"
    );
    assert_eq!(
        wrong(&["--health-check-path=healthz"]),
        "--health-check-path: \"healthz\" is no path; pass one that begins with /, such as /healthz"
    );
    assert_eq!(
        wrong(&["--worker-processes=0"]),
        "--worker-processes: \"0\" is no number of workers; pass auto or a number from 1 to 1024"
    );
    assert_eq!(
        wrong(&["--worker-shutdown-timeout=soon"]),
        "--worker-shutdown-timeout: \"soon\" is no duration; pass one such as 240s, 4m or 1h30m"
    );
    assert_eq!(
        wrong(&["--shutdown-grace-period=-5"]),
        "--shutdown-grace-period: \"-5\" is no number of seconds; pass a whole number, such as 10"
    );
    assert_eq!(wrong(&["--log-format=xml"]), "--log-format: \"xml\" is not known; pass text or json");
    assert_eq!(
        wrong(&["--ingress-class="]),
        "--ingress-class: \"\" is no name; pass one, or leave the flag out"
    );
    assert_eq!(
        wrong(&["--configmap=settings"]),
        "--configmap: \"settings\" does not name a ConfigMap; pass its namespace and name, such as ingress-nginx/settings"
    );
    assert_eq!(
        wrong(&["--apiserver-host=10.0.0.1:6443"]),
        "--apiserver-host: \"10.0.0.1:6443\" is no address of an API server; pass one such as http://127.0.0.1:8001"
    );
}

#[test]
fn wrong_values_of_other_kinds_are_named_too() {
    assert_eq!(
        wrong(&["--default-ssl-certificate=wildcard"]),
        "--default-ssl-certificate: \"wildcard\" does not name a Secret; pass its namespace and name, such as default/certificate"
    );
    for (flag, problem) in [
        ("--https-port=https", "is no port; pass a number from 0 to 65535"),
        (
            "--tcp-services-configmap=tcp",
            "does not name a ConfigMap; pass its namespace and name, such as ingress-nginx/settings",
        ),
        ("--validating-webhook=8443", "is no address to listen on; pass one such as :8443 or 10.0.0.1:8443"),
        (
            "--publish-status-address=10.0.0.1,http://lb",
            "is no list of IP addresses and host names; pass one such as 203.0.113.7,lb.example.com",
        ),
        ("--time-buckets=1,1", "is no list of rising numbers above zero; pass one such as 0.1,1,10"),
        ("--size-buckets=1,inf", "is no list of rising numbers above zero; pass one such as 0.1,1,10"),
        ("--election-ttl=soon", "is no duration; pass one such as 30s or 1m30s"),
        (
            "--annotations-prefix=example.com",
            "is not understood by this version, which reads only nginx.ingress.kubernetes.io; leave the flag out",
        ),
    ] {
        let (name, value) = flag.split_once('=').unwrap();
        assert_eq!(wrong(&[flag]), format!("{name}: {value:?} {problem}"));
    }
}

#[test]
fn durations_have_nginx_units() {
    for (text, milliseconds) in
        [("240", 240_000), ("5ms", 5), ("1h30m", 5_400_000), ("1d", 86_400_000), ("0s", 0)]
    {
        assert_eq!(value::duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "s", "-1s", "1w", "99999999999s", "4 m", "é"] {
        assert!(value::duration(text).is_err(), "{text}");
    }
}

#[test]
fn durations_of_go_may_be_below_zero() {
    for (text, milliseconds) in
        [("30s", 30_000), ("1m0.5s", 60_500), ("1.5h", 5_400_000), ("0", 0), ("-5s", 0), ("+100µs", 0)]
    {
        let time = value::go_duration(text).map(|time| time.as_millis());
        assert_eq!(time, Ok(milliseconds), "{text}");
    }
    for text in ["", "-", "s", "30", "1d", "1..5s", "5 s", "99999999999999999999h", "é"] {
        assert!(value::go_duration(text).is_err(), "{text}");
    }
}

#[test]
fn unknown_flags_are_told_apart_from_those_of_ingress_nginx() {
    let later = |flag: &str| {
        format!("{flag}: this flag of ingress-nginx is not supported by this version yet; leave it out")
    };
    assert_eq!(wrong(&["--maxmind-license-key", "a"]), later("--maxmind-license-key"));
    assert_eq!(
        wrong(&["--enable-ssl-chain-completion"]),
        "--enable-ssl-chain-completion: nothing is fetched from the addresses that certificates name; leave the flag out and put the \
         whole chain into tls.crt of the Secret"
    );
    assert_eq!(
        wrong(&["--http-prot=80"]),
        "--http-prot: there is no such flag; did you mean --http-port? see --help"
    );
    assert_eq!(wrong(&["--zzz"]), "--zzz: there is no such flag; see --help");
    assert_eq!(wrong(&["-x"]), "-x: there is no such flag; see --help");
    assert_eq!(
        wrong(&["./manifests"]),
        "\"./manifests\" is no flag; flags begin with --, and a folder is passed as --manifests=PATH"
    );
    assert_eq!(wrong(&["--manifests"]), "--manifests: the value is missing; see --help");
}

#[test]
fn help_and_version_are_to_be_printed() {
    let Err(NoArgs::Print(help)) = read(&["--help"]) else { panic!("no help") };
    assert!(help.contains("--http-port <PORT>") && help.contains("[default: 80]"), "{help}");
    assert!(
        help.contains("Example") && !help.contains("logtostderr") && !help.contains("profiling"),
        "{help}"
    );
    let Err(NoArgs::Print(version)) = read(&["--version"]) else { panic!("no version") };
    assert_eq!(version, format!("ingress-controller {}\n", env!("CARGO_PKG_VERSION")));
}

/// The flags of the chart of ingress-nginx, of its manifests for bare metal, and each that changes nothing.
#[test]
fn manifests_for_ingress_nginx_are_accepted() {
    let args = good(&[
        "/nginx-ingress-controller",
        "--publish-service=ingress-nginx/ingress-nginx-controller",
        "--election-id=ingress-nginx-leader",
        "--controller-class=k8s.io/ingress-nginx",
        "--ingress-class=nginx",
        "--configmap=ingress-nginx/ingress-nginx-controller",
        "--tcp-services-configmap=ingress-nginx/tcp",
        "--udp-services-configmap=ingress-nginx/udp",
        "--default-ssl-certificate=ingress-nginx/default",
        "--validating-webhook=:8443",
        "--validating-webhook-certificate=/usr/local/certificates/cert",
        "--validating-webhook-key=/usr/local/certificates/key",
        "--watch-namespace-selector=team=shop",
        "--enable-metrics=true",
        "--report-node-internal-ip-address",
        "--annotations-prefix=nginx.ingress.kubernetes.io",
        "--post-shutdown-grace-period=0",
        "--kubeconfig=",
        "--https-port=443",
        "--enable-ssl-passthrough",
        "--ssl-passthrough-proxy-port=442",
        "--v=2",
        "--log_dir=/tmp",
        "--stderrthreshold",
        "2",
        "--alsologtostderr",
        "--disable-full-test",
        "--sync-period=0",
        "--profiling=false",
    ]);
    assert_eq!(args.configmap.unwrap().to_string(), "ingress-nginx/ingress-nginx-controller");
    assert_eq!(args.webhook.validating_webhook, Some((None, 8443)));
    assert_eq!(args.cluster.kubeconfig, None);
    assert!(args.tls.enable_ssl_passthrough);
    assert_eq!(args.streams.udp_services_configmap.unwrap().to_string(), "ingress-nginx/udp");
    assert_eq!(args.ignored.given.len(), 7);
    assert_eq!(
        wrong(&["--profiling=perhaps"]),
        "--profiling: \"perhaps\" is neither true nor false; pass one of them"
    );
}
