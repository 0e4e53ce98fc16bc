//! What the controller runs with: the flags and the environment, resolved and checked together.

mod access_log;
mod metrics;
mod pod;
mod ports;
mod source;
mod status;
mod webhook;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingress_core::Options;

pub use access_log::AccessLogSink;
pub use metrics::MetricsConfig;
pub use pod::Pod;
pub use source::{ClusterConfig, Source};
pub use status::{Address, Election, Publish, StatusConfig};
pub use webhook::WebhookConfig;

use crate::args::Args;
use crate::error::Error;

/// What a [`Controller`](crate::Controller) runs with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunConfig {
    /// Where objects come from.
    pub source: Source,
    /// The pod that we run in; `None` outside a cluster, or where it cannot be known.
    pub pod: Option<Pod>,
    /// Where HTTP is served; port 0 takes a free one.
    pub http: Vec<SocketAddr>,
    /// Where HTTPS is served; port 0 takes a free one. With none it is not served.
    pub https: Vec<SocketAddr>,
    /// Where health check and metrics are served. The IPv6 address for "any" means all of IPv4 too.
    pub healthz: SocketAddr,
    /// Path of the health check.
    pub health_check_path: String,
    /// How many workers serve; `None` leaves it to the ConfigMap as it is at the start, and then there is one for each core.
    pub workers: Option<NonZeroUsize>,
    /// What is told to the cluster.
    pub status: StatusConfig,
    /// Where the access log goes.
    pub access_log: AccessLogSink,
    /// What is counted.
    pub metrics: MetricsConfig,
    /// The admission webhook, if it is served.
    pub webhook: Option<WebhookConfig>,
    /// How long to go on serving, with the health check failing, before a drain.
    pub shutdown_grace_period: Duration,
    /// How long a drain may take; `None` leaves it to the ConfigMap.
    pub worker_shutdown_timeout: Option<Duration>,
    /// How long to wait after a drain before all is over.
    pub post_shutdown_grace_period: Duration,
    /// What decides beside the objects.
    pub options: Options,
    /// Settings of the proxy.
    pub proxy: ingress_proxy::Config,
}

impl RunConfig {
    /// The objects of `manifests`, served on `http` and not on HTTPS, with the health check on a free loopback port. All else is as without flags.
    pub fn new(manifests: Vec<PathBuf>, http: SocketAddr) -> Self {
        Self::embedded(Source::Manifests(manifests), http)
    }

    /// The objects of the API server that `kubeconfig` leads to, served on `http` and not on HTTPS, with the health check on a free
    /// loopback port. All else is as without flags, in no pod.
    pub fn cluster(kubeconfig: PathBuf, http: SocketAddr) -> Self {
        let cluster = ClusterConfig { kubeconfig: Some(kubeconfig), ..ClusterConfig::default() };
        Self::embedded(Source::Cluster(cluster), http)
    }

    fn embedded(source: Source, http: SocketAddr) -> Self {
        Self {
            options: options_for(&source),
            source,
            pod: None,
            http: vec![http],
            https: Vec::new(),
            healthz: (Ipv4Addr::LOCALHOST, 0).into(),
            health_check_path: "/healthz".into(),
            workers: None,
            status: StatusConfig::default(),
            access_log: AccessLogSink::None,
            metrics: MetricsConfig::default(),
            webhook: None,
            shutdown_grace_period: Duration::ZERO,
            worker_shutdown_timeout: None,
            post_shutdown_grace_period: Duration::ZERO,
            proxy: ingress_proxy::Config::default(),
        }
    }

    /// What the flags say, and the environment where the flags leave it open: `KUBERNETES_SERVICE_HOST` and `KUBECONFIG` show that there
    /// is a cluster; `POD_NAME` and `POD_NAMESPACE` name the pod.
    ///
    /// # Errors
    /// [`Error`] for flags that do not go together.
    pub fn from_args(args: &Args) -> Result<Self, Error> {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::resolve(args, &var)
    }

    fn resolve(args: &Args, var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let source = Source::from_args(args, var)?;
        ports::check(args)?;
        let files = matches!(source, Source::Manifests(_));
        let mut addresses: Vec<_> = match args.bind_address.as_slice() {
            [] => every_address(),
            given => given.to_vec(),
        };
        addresses.sort();
        addresses.dedup();
        let on = |port| addresses.iter().map(|address| SocketAddr::new(*address, port)).collect();
        let after = if files { Duration::ZERO } else { Duration::from_secs(10) };
        Ok(Self {
            options: options(args, &source)?,
            source,
            pod: if files { None } else { Pod::find(var, Path::new(pod::NAMESPACE_FILE)) },
            http: on(args.http_port),
            https: on(args.tls.https_port),
            healthz: SocketAddr::new(args.healthz_host.unwrap_or_else(any_address), args.healthz_port),
            health_check_path: args.health_check_path.clone(),
            workers: args.workers(),
            status: StatusConfig::from_args(args)?,
            access_log: AccessLogSink::Stdout,
            metrics: MetricsConfig::from_args(args)?,
            webhook: WebhookConfig::from_args(args)?,
            shutdown_grace_period: args.stop.shutdown_grace_period,
            worker_shutdown_timeout: args.stop.worker_shutdown_timeout,
            post_shutdown_grace_period: args.stop.post_shutdown_grace_period.unwrap_or(after),
            proxy: ingress_proxy::Config::default(),
        })
    }
}

/// What the flags say beside the objects of a source.
fn options(args: &Args, source: &Source) -> Result<Options, Error> {
    let mut options = options_for(source);
    options.ingress_class.clone_from(&args.ingress_class);
    options.controller_class.clone_from(&args.controller_class);
    if let Some(without_class) = args.watch_ingress_without_class {
        options.watch_ingress_without_class = without_class;
    }
    if let Some(by_name) = args.ingress_class_by_name {
        options.ingress_class_by_name = by_name;
    }
    options.watch_namespace.clone_from(&args.watch_namespace);
    if !args.watch_namespace.is_empty() && !args.watch_namespace_selector.is_empty() {
        return Err(Error::Exclusive("--watch-namespace", "--watch-namespace-selector"));
    }
    options.namespace_selector = args.watch_namespace_selector.parse().map_err(Error::Selector)?;
    options.disable_catch_all = args.disable_catch_all;
    options.disable_external_name = args.disable_svc_external_name;
    options.default_backend_service.clone_from(&args.default_backend_service);
    options.config_map.clone_from(&args.configmap);
    options.default_certificate.clone_from(&args.tls.default_ssl_certificate);
    options.ssl_passthrough = args.tls.enable_ssl_passthrough;
    if args.tls.https_port != 0 {
        options.https_port = args.tls.https_port;
    }
    options.tcp_services.clone_from(&args.streams.tcp_services_configmap);
    options.udp_services.clone_from(&args.streams.udp_services_configmap);
    Ok(options)
}

/// A file is served because somebody passed it: without a class, and of our class though no object says so, and with endpoints on this
/// machine. Of what everybody may put into a cluster only that is served which asks for it.
fn options_for(source: &Source) -> Options {
    let files = matches!(source, Source::Manifests(_));
    let mut options = Options::default();
    options.watch_ingress_without_class = files;
    options.ingress_class_by_name = files;
    options.local_endpoints = files;
    options
}

/// "Any" of IPv4, and that of IPv6 where the system has it.
fn every_address() -> Vec<IpAddr> {
    let mut addresses = vec![IpAddr::from(Ipv4Addr::UNSPECIFIED)];
    if UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok() {
        addresses.push(Ipv6Addr::UNSPECIFIED.into());
    }
    addresses
}

/// "Any" of IPv6, which means all of IPv4 too, where the system has it.
fn any_address() -> IpAddr {
    every_address().pop().unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

#[cfg(test)]
mod tests;
