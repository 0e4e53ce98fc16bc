//! What the controller runs with: the flags, resolved and checked together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ingress_core::Options;

use crate::args::Args;
use crate::error::Error;

/// What a [`Controller`](crate::Controller) runs with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunConfig {
    /// Files and folders with objects.
    pub manifests: Vec<PathBuf>,
    /// Where HTTP is served; port 0 takes a free one.
    pub http: Vec<SocketAddr>,
    /// Where the health check is served. The IPv6 address for "any" means all of IPv4 too.
    pub healthz: SocketAddr,
    /// Path of the health check.
    pub health_check_path: String,
    /// How many workers serve; `None` is one for each core.
    pub workers: Option<NonZeroUsize>,
    /// How long to go on serving, with the health check failing, before a drain.
    pub shutdown_grace_period: Duration,
    /// How long a drain may take.
    pub worker_shutdown_timeout: Duration,
    /// What decides beside the objects.
    pub options: Options,
    /// Settings of the proxy.
    pub proxy: ingress_proxy::Config,
}

impl RunConfig {
    /// The objects of `manifests`, served on `http`, with the health check on a free loopback port. All else is as without flags.
    pub fn new(manifests: Vec<PathBuf>, http: SocketAddr) -> Self {
        Self {
            manifests,
            http: vec![http],
            healthz: (Ipv4Addr::LOCALHOST, 0).into(),
            health_check_path: "/healthz".into(),
            workers: None,
            shutdown_grace_period: Duration::ZERO,
            worker_shutdown_timeout: Duration::from_secs(240),
            options: options_for_files(),
            proxy: ingress_proxy::Config::default(),
        }
    }

    /// What the flags say.
    ///
    /// # Errors
    /// [`Error`] for flags that do not go together.
    pub fn from_args(args: &Args) -> Result<Self, Error> {
        if args.manifests.is_empty() {
            return Err(Error::NoSource);
        }
        if args.http_port == args.healthz_port && args.http_port != 0 {
            return Err(Error::SamePort(args.http_port));
        }
        let mut options = options_for_files();
        options.ingress_class.clone_from(&args.ingress_class);
        options.controller_class.clone_from(&args.controller_class);
        if let Some(without_class) = args.watch_ingress_without_class {
            options.watch_ingress_without_class = without_class;
        }
        if let Some(by_name) = args.ingress_class_by_name {
            options.ingress_class_by_name = by_name;
        }
        options.watch_namespace.clone_from(&args.watch_namespace);
        options.disable_catch_all = args.disable_catch_all;
        options.disable_external_name = args.disable_svc_external_name;
        options.default_backend_service.clone_from(&args.default_backend_service);
        let mut http: Vec<_> = match args.bind_address.as_slice() {
            [] => every_address(),
            given => given.to_vec(),
        };
        http.sort();
        http.dedup();
        let healthz =
            args.healthz_host.or_else(|| every_address().pop()).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        Ok(Self {
            manifests: args.manifests.clone(),
            http: http.into_iter().map(|address| SocketAddr::new(address, args.http_port)).collect(),
            healthz: SocketAddr::new(healthz, args.healthz_port),
            health_check_path: args.health_check_path.clone(),
            workers: args.workers(),
            shutdown_grace_period: args.shutdown_grace_period,
            worker_shutdown_timeout: args.worker_shutdown_timeout,
            options,
            proxy: ingress_proxy::Config::default(),
        })
    }
}

/// A file is served because somebody passed it: without a class, and of our class though no object says so, and with endpoints on this machine.
fn options_for_files() -> Options {
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    options.ingress_class_by_name = true;
    options.local_endpoints = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<RunConfig, Error> {
        RunConfig::from_args(&Args::read(std::iter::once("x").chain(flags.iter().copied())).unwrap())
    }

    #[test]
    fn files_are_served_without_a_class_unless_a_flag_says_no() {
        let options = config(&["--manifests=a"]).unwrap().options;
        assert!(
            options.watch_ingress_without_class && options.ingress_class_by_name && options.local_endpoints
        );
        let flags = ["--manifests=a", "--watch-ingress-without-class=false", "--ingress-class-by-name=false"];
        let options = config(&flags).unwrap().options;
        assert!(
            !options.watch_ingress_without_class && !options.ingress_class_by_name && options.local_endpoints
        );
    }

    #[test]
    fn flags_that_do_not_go_together_are_refused() {
        let error = config(&[]).unwrap_err();
        assert!(error.to_string().contains("pass one with --manifests=PATH"), "{error}");
        assert_eq!(error.exit_code(), 2);
        let error = config(&["--manifests=a", "--http-port=81", "--healthz-port=81"]).unwrap_err();
        assert_eq!(error.to_string(), "--http-port and --healthz-port are both 81; pass two different ports");
        assert!(config(&["--manifests=a", "--http-port=0", "--healthz-port=0"]).is_ok());
    }

    #[test]
    fn every_address_is_the_default() {
        let http = config(&["--manifests=a"]).unwrap().http;
        assert_eq!(http.first(), Some(&(Ipv4Addr::UNSPECIFIED, 80).into()));
        let http = config(&["--manifests=a", "--bind-address=::1,127.0.0.1,::1"]).unwrap().http;
        assert_eq!(http, [(Ipv4Addr::LOCALHOST, 80).into(), (Ipv6Addr::LOCALHOST, 80).into()]);
    }
}
