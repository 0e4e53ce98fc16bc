//! What is counted.

use crate::args::Args;
use crate::error::Error;

/// What is counted of requests. Names, labels and defaults are those of ingress-nginx.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// Count requests at all (`--enable-metrics`, false).
    pub enabled: bool,
    /// With a label for the host (`--metrics-per-host`, true).
    pub per_host: bool,
    /// Also for hosts that no Ingress names (`--metrics-per-undefined-host`, false).
    pub per_undefined_host: bool,
    /// The label for the status is its class, such as `2xx` (`--report-status-classes`, false).
    pub status_classes: bool,
    /// Upper ends of the buckets for times, in seconds, rising (`--time-buckets`).
    pub time_buckets: Vec<f64>,
    /// Upper ends of the buckets for lengths, in bytes, rising (`--length-buckets`).
    pub length_buckets: Vec<f64>,
    /// Upper ends of the buckets for bytes sent, rising (`--size-buckets`).
    pub size_buckets: Vec<f64>,
    /// Names, with or without `nginx_ingress_controller_`, of request metrics that are left out (`--exclude-socket-metrics`).
    pub exclude: Vec<String>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            per_host: true,
            per_undefined_host: false,
            status_classes: false,
            time_buckets: vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            length_buckets: vec![10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0],
            size_buckets: vec![1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7],
            exclude: Vec::new(),
        }
    }
}

impl MetricsConfig {
    /// What the flags say.
    pub(super) fn from_args(args: &Args) -> Result<Self, Error> {
        let args = &args.metrics;
        if args.metrics_per_undefined_host && !args.metrics_per_host {
            return Err(Error::Needs("--metrics-per-undefined-host", "--metrics-per-host"));
        }
        let names = args.exclude_socket_metrics.iter().map(|name| name.trim());
        Ok(Self {
            enabled: args.enable_metrics,
            per_host: args.metrics_per_host,
            per_undefined_host: args.metrics_per_undefined_host,
            status_classes: args.report_status_classes,
            time_buckets: args.time_buckets.0.clone(),
            length_buckets: args.length_buckets.0.clone(),
            size_buckets: args.size_buckets.0.clone(),
            exclude: names.filter(|name| !name.is_empty()).map(Into::into).collect(),
        })
    }
}
