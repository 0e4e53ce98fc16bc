//! What is measured of a request beside its number.

use ingress_proxy::Finished;

use super::buckets::Buckets;
use crate::config::MetricsConfig;

/// The name of the counter of requests.
pub(super) const REQUESTS: &str = "requests";

/// One histogram.
#[derive(Debug)]
pub(super) struct Measure {
    /// Without the prefix.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    scale: Scale,
}

#[derive(Debug, Clone, Copy)]
enum Scale {
    Time,
    Length,
    Size,
}

/// How many there are.
pub(super) const NUMBER: usize = 7;

/// All of them, in the order of [`values`].
pub(super) const MEASURES: [Measure; NUMBER] = [
    measure(
        "request_duration_seconds",
        Scale::Time,
        "Seconds from the head of a request to the end of its answer",
    ),
    measure("response_duration_seconds", Scale::Time, "Seconds until an endpoint's answer was complete"),
    measure(
        "header_duration_seconds",
        Scale::Time,
        "Seconds until the head of an endpoint's answer was there",
    ),
    measure(
        "connect_duration_seconds",
        Scale::Time,
        "Seconds until a connection to an endpoint stood; 0 for one that was open",
    ),
    measure("request_size", Scale::Length, "Bytes of requests: line, fields and body"),
    measure("response_size", Scale::Length, "Bytes of answers: line, fields and body"),
    measure("bytes_sent", Scale::Size, "Deprecated, use response_size: bytes of answers"),
];

const fn measure(name: &'static str, scale: Scale, help: &'static str) -> Measure {
    Measure { name, help, scale }
}

/// The values of one request. Those about an endpoint are there if exactly one was tried and answered: ingress-nginx has them as one number
/// only then.
pub(super) fn values(request: &Finished<'_>) -> [Option<f64>; NUMBER] {
    let one = match request.tries {
        [one] => Some(one),
        _ => None,
    };
    let header = one.and_then(|one| one.header_time);
    let connect = one.filter(|one| one.header_time.is_some()).map(|one| one.connect_time);
    [
        Some(request.duration.as_secs_f64()),
        one.map(|one| one.response_time.as_secs_f64()),
        header.map(|time| time.as_secs_f64()),
        connect.map(|time| time.as_secs_f64()),
        // Above 2^53 bytes the last digits do not matter.
        Some(request.request_length as f64),
        Some(request.bytes_sent as f64),
        Some(request.bytes_sent as f64),
    ]
}

/// The buckets of each measure; none for one that is left out.
pub(super) fn buckets(config: &MetricsConfig) -> [Option<Buckets>; NUMBER] {
    MEASURES.each_ref().map(|measure| {
        let bounds = match measure.scale {
            Scale::Time => &config.time_buckets,
            Scale::Length => &config.length_buckets,
            Scale::Size => &config.size_buckets,
        };
        is_counted(config, measure.name).then(|| Buckets::new(bounds))
    })
}

/// True unless the flag leaves the metric of this name out.
pub(super) fn is_counted(config: &MetricsConfig, name: &str) -> bool {
    !config.exclude.iter().any(|excluded| {
        let excluded = excluded.trim();
        excluded.strip_prefix("nginx_ingress_controller_").unwrap_or(excluded) == name
    })
}
