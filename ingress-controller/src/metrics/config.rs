//! What is counted, and under which names.

/// What is counted, and under which names. The defaults are those of ingress-nginx's flags.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub(crate) struct MetricsConfig {
    /// Namespace of the controller's pod, for the label `controller_namespace`.
    pub(crate) namespace: String,
    /// Name of the controller's pod, for the label `controller_pod`.
    pub(crate) pod: String,
    /// `--controller-class`, for the label `controller_class`.
    pub(crate) class: String,
    /// `--election-id`, for the label `name` of `leader_election_status`.
    pub(crate) election_id: String,
    /// Count each request (`--enable-metrics`). The metrics about the controller itself are always there.
    pub(crate) requests: bool,
    /// Have a label `host` (`--metrics-per-host`), and count only requests whose host an Ingress names.
    pub(crate) per_host: bool,
    /// Count requests for any other host too, each under its own name (`--metrics-per-undefined-host`).
    pub(crate) per_undefined_host: bool,
    /// Have `2xx` as a status rather than `204` (`--report-status-classes`).
    pub(crate) status_classes: bool,
    /// Names of request metrics that are left out, with or without the prefix (`--exclude-socket-metrics`).
    pub(crate) excluded: Vec<String>,
    /// Upper bounds in seconds (`--time-buckets`).
    pub(crate) time_buckets: Vec<f64>,
    /// Upper bounds in bytes of `request_size` and `response_size` (`--length-buckets`).
    pub(crate) length_buckets: Vec<f64>,
    /// Upper bounds in bytes of `bytes_sent` (`--size-buckets`).
    pub(crate) size_buckets: Vec<f64>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            pod: String::new(),
            class: "k8s.io/ingress-nginx".into(),
            election_id: "ingress-controller-leader".into(),
            requests: false,
            per_host: true,
            per_undefined_host: false,
            status_classes: false,
            excluded: Vec::new(),
            time_buckets: vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            length_buckets: (1..=10).map(|step| f64::from(step) * 10.0).collect(),
            size_buckets: (1..=7).map(|power| 10f64.powi(power)).collect(),
        }
    }
}
