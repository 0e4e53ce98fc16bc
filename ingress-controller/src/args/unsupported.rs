//! The flags of ingress-nginx that this version does not have.

/// Without the leading dashes, in alphabetical order.
const FLAGS: &[&str] = &[
    "add_dir_header",
    "alsologtostderr",
    "annotations-prefix",
    "apiserver-host",
    "bucket-factor",
    "certificate-authority",
    "configmap",
    "deep-inspect",
    "default-server-port",
    "default-ssl-certificate",
    "disable-full-test",
    "disable-leader-election",
    "disable-sync-events",
    "dynamic-configuration-retries",
    "election-id",
    "election-ttl",
    "enable-annotation-validation",
    "enable-metrics",
    "enable-ssl-chain-completion",
    "enable-ssl-passthrough",
    "enable-topology-aware-routing",
    "exclude-socket-metrics",
    "health-check-timeout",
    "https-port",
    "internal-logger-address",
    "kubeconfig",
    "length-buckets",
    "log_backtrace_at",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "max-buckets",
    "maxmind-edition-ids",
    "maxmind-license-key",
    "maxmind-mirror",
    "maxmind-retries-count",
    "maxmind-retries-timeout",
    "metrics-per-host",
    "metrics-per-undefined-host",
    "monitor-max-batch-size",
    "one_output",
    "post-shutdown-grace-period",
    "profiler-address",
    "profiler-port",
    "profiling",
    "publish-service",
    "publish-status-address",
    "report-node-internal-ip-address",
    "report-status-classes",
    "size-buckets",
    "skip_headers",
    "skip_log_headers",
    "ssl-passthrough-proxy-port",
    "status-port",
    "status-update-interval",
    "stderrthreshold",
    "stream-port",
    "sync-period",
    "sync-rate-limit",
    "tcp-services-configmap",
    "time-buckets",
    "udp-services-configmap",
    "update-status",
    "update-status-on-shutdown",
    "validating-webhook",
    "validating-webhook-certificate",
    "validating-webhook-key",
    "vmodule",
    "watch-namespace-selector",
];

/// True for a flag of ingress-nginx, as `--name`.
pub(super) fn is_of_ingress_nginx(flag: &str) -> bool {
    flag.strip_prefix("--").is_some_and(|name| FLAGS.binary_search(&name).is_ok())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_holds_no_flag_that_there_is() {
        assert!(FLAGS.is_sorted());
        let command = crate::args::Args::command();
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(!FLAGS.contains(&flag), "{flag} is supported");
        }
        assert!(is_of_ingress_nginx("--kubeconfig") && !is_of_ingress_nginx("--kubeconfigs"));
    }
}
