//! Flags about what is counted.

use clap::{ArgAction, Args};

use super::value::{self, Buckets};

/// What is counted, and in which labels and buckets.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metrics")]
#[non_exhaustive]
pub struct MetricsArgs {
    /// Count requests on /metrics of the health check's port; what the controller does is always there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub enable_metrics: bool,

    /// Count requests by host
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub metrics_per_host: bool,

    /// Count requests also for hosts that no Ingress names; whoever sends requests chooses these
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub metrics_per_undefined_host: bool,

    /// Count by 2xx, 4xx … rather than by 200, 404 …
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub report_status_classes: bool,

    /// Upper ends of the buckets for times, in seconds
    #[arg(long, value_name = "NUMBERS", default_value = "0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10", value_parser = value::buckets)]
    pub time_buckets: Buckets,

    /// Upper ends of the buckets for the lengths of requests and answers, in bytes
    #[arg(long, value_name = "NUMBERS", default_value = "10,20,30,40,50,60,70,80,90,100", value_parser = value::buckets)]
    pub length_buckets: Buckets,

    /// Upper ends of the buckets for bytes sent
    #[arg(long, value_name = "NUMBERS", default_value = "10,100,1000,10000,100000,1000000,10000000", value_parser = value::buckets)]
    pub size_buckets: Buckets,

    /// Names of request metrics to leave out, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub exclude_socket_metrics: Vec<String>,
}
