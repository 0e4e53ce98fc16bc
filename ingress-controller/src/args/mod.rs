//! The command line, in the way that users of ingress-nginx write it: `--flag=value`, `--flag value`, `--switch`, `--switch=false`; the last
//! one wins where a flag is repeated.

mod cluster;
mod ignored;
mod message;
mod metrics;
mod notice;
mod status;
mod stop;
mod streams;
mod tls;
mod unsupported;
mod value;
mod webhook;

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{ArgAction, Parser, ValueEnum};
use ingress_core::ObjectName;

use crate::config::Address;
pub use cluster::ClusterArgs;
pub use ignored::Ignored;
pub use metrics::MetricsArgs;
pub use status::StatusArgs;
pub use stop::StopArgs;
pub use streams::StreamArgs;
pub use tls::TlsArgs;
pub use value::{Buckets, Workers};
pub use webhook::WebhookArgs;

const ABOUT: &str = "Serves Kubernetes Ingresses: reads them, with the Services and endpoints behind them, and forwards requests as they \
                     say. Takes the flags of ingress-nginx.";

const EXAMPLE: &str = "\
Switches may be written --switch, --switch=true and --switch=false.

Example: serve the Ingresses of a folder on the ports 8080 and 8443, and follow every edit
  ingress-controller --manifests ./manifests --http-port 8080 --https-port 8443
  curl -H 'Host: mywebsite.com' http://127.0.0.1:8080/

Example: in a pod of a cluster, as the chart does
  ingress-controller --publish-service=$(POD_NAMESPACE)/ingress-nginx-controller --configmap=$(POD_NAMESPACE)/ingress-nginx-controller

Exit codes: 0 after SIGTERM or SIGINT, 2 for a wrong flag, 1 for any other failure to start.";

/// The flags as they were given.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "ingress-controller",
    version,
    about = ABOUT,
    after_help = EXAMPLE,
    styles = Styles::plain(),
    max_term_width = 110,
    next_line_help = true,
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true,
    allow_negative_numbers = true
)]
#[non_exhaustive]
pub struct Args {
    /// File or folder with Ingresses, Services, EndpointSlices … in YAML or JSON; may be repeated. Sub-folders are read too, and every
    /// edit is live within a second
    #[arg(long, value_name = "PATH", help_heading = "Where objects come from")]
    pub manifests: Vec<PathBuf>,

    /// The API server, for want of files.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// Name of our class, as Ingresses give it in the annotation kubernetes.io/ingress.class
    #[arg(long, value_name = "NAME", default_value = "nginx", value_parser = value::name, help_heading = CHOICE)]
    pub ingress_class: String,

    /// spec.controller of the IngressClasses that are ours
    #[arg(long, value_name = "NAME", default_value = "k8s.io/ingress-nginx", value_parser = value::name, help_heading = CHOICE)]
    pub controller_class: String,

    /// Serve Ingresses without a class as well [default: true with --manifests, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = value::switch, action = ArgAction::Set, help_heading = CHOICE)]
    pub watch_ingress_without_class: Option<bool>,

    /// Serve Ingresses whose spec.ingressClassName is --ingress-class, even if no IngressClass is ours
    /// [default: true with --manifests, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = value::switch, action = ArgAction::Set, help_heading = CHOICE)]
    pub ingress_class_by_name: Option<bool>,

    /// Serve only the Ingresses, Services and Secrets of this namespace [default: all namespaces]
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true, help_heading = CHOICE)]
    pub watch_namespace: String,

    /// Serve only namespaces whose labels match, such as team=shop,stage!=test; excludes --watch-namespace [default: all namespaces]
    #[arg(long, value_name = "SELECTOR", default_value = "", hide_default_value = true, help_heading = CHOICE)]
    pub watch_namespace_selector: String,

    /// ConfigMap with the settings that hold for all Ingresses; it is followed [default: none]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true,
        value_parser = value::optional_config_map, help_heading = CHOICE)]
    pub configmap: MaybeObject,

    /// What annotations begin with; no other prefix is understood by this version
    #[arg(long, value_name = "PREFIX", default_value = "nginx.ingress.kubernetes.io",
        value_parser = value::annotations_prefix, help_heading = CHOICE)]
    pub annotations_prefix: String,

    /// Leave Ingresses with a spec.defaultBackend alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set, help_heading = CHOICE)]
    pub disable_catch_all: bool,

    /// Refuse Services of type ExternalName
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set, help_heading = CHOICE)]
    pub disable_svc_external_name: bool,

    /// Service that answers what no rule matches; its first port is used [default: none, such requests get 404]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true,
        value_parser = value::optional_service, help_heading = CHOICE)]
    pub default_backend_service: MaybeObject,

    /// Port for HTTP; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "80", value_parser = value::port, help_heading = LISTEN)]
    pub http_port: u16,

    /// IP address to listen on for HTTP, HTTPS, TCP and UDP; may be repeated, or be a list with commas [default: all, IPv4 and IPv6]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = value::address, help_heading = LISTEN)]
    pub bind_address: Vec<IpAddr>,

    /// How many workers serve, each a thread of its own; auto is what the ConfigMap says, else one for each core
    #[arg(long, value_name = "NUMBER|auto", default_value = "auto", value_parser = value::workers, help_heading = LISTEN)]
    pub worker_processes: Workers,

    /// TLS with clients.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// TCP and UDP services.
    #[command(flatten)]
    pub streams: StreamArgs,

    /// Port for the health check; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "10254", value_parser = value::port, help_heading = HEALTH)]
    pub healthz_port: u16,

    /// IP address to listen on for the health check [default: all, IPv4 and IPv6]
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true,
        value_parser = value::optional_address, help_heading = HEALTH)]
    pub healthz_host: MaybeAddress,

    /// Path of the health check
    #[arg(long, value_name = "PATH", default_value = "/healthz", value_parser = value::path, help_heading = HEALTH)]
    pub health_check_path: String,

    /// What is told to the cluster.
    #[command(flatten)]
    pub status: StatusArgs,

    /// What is counted.
    #[command(flatten)]
    pub metrics: MetricsArgs,

    /// The admission webhook.
    #[command(flatten)]
    pub webhook: WebhookArgs,

    /// The end.
    #[command(flatten)]
    pub stop: StopArgs,

    /// How log lines are written, on standard error
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = LOG)]
    pub log_format: LogFormat,

    /// How much is logged: up to 2 what matters, 3 or -v alone also what helps to find a fault, 5 or -vv everything
    #[arg(short = 'v', long = "v", value_name = "N", num_args = 0..=1, default_value = "2", default_missing_value = "3",
        value_parser = value::verbosity, help_heading = LOG)]
    pub verbosity: u8,

    /// Flags of ingress-nginx that change nothing here.
    #[command(flatten)]
    pub ignored: Ignored,

    /// The name of the program, which manifests for ingress-nginx give as the first argument
    #[arg(hide = true, value_parser = value::program)]
    program: Option<String>,

    /// Print this help
    #[arg(short = 'h', long, action = ArgAction::HelpShort, help_heading = "Other")]
    help: Option<bool>,

    /// Print the version
    #[arg(long, action = ArgAction::Version, help_heading = "Other")]
    version: Option<bool>,
}

const CHOICE: &str = "Which Ingresses are served";
const LISTEN: &str = "Where they are served";
const HEALTH: &str = "Health check";
const LOG: &str = "Logs";

/// Namespace and name of an object, if one is given.
pub type MaybeObject = Option<ObjectName>;
/// Addresses for a status, in the order given.
pub type Addresses = Vec<Address>;
/// A URL, if one is given.
pub type MaybeUrl = Option<String>;
/// IP address, `None` for all, and port to listen on, if they are given.
pub type MaybeListen = Option<(Option<IpAddr>, u16)>;
/// A path, if one is given.
pub type MaybePath = Option<PathBuf>;
/// An IP address, if one is given.
pub type MaybeAddress = Option<IpAddr>;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object in each line.
    Json,
}

/// Why there are no flags to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoArgs {
    /// Help or version were asked for: this is it.
    Print(String),
    /// A flag is wrong: this says which and why.
    Wrong(String),
}

impl Args {
    /// Reads the command line, the program's name first.
    ///
    /// # Errors
    /// [`NoArgs`] if there is only something to print.
    pub fn read<I>(arguments: I) -> Result<Self, NoArgs>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        Self::try_parse_from(arguments).map_err(|error| message::of(&error))
    }

    /// How many workers were asked for; `None` if that is left to the ConfigMap.
    pub(crate) fn workers(&self) -> Option<NonZeroUsize> {
        match self.worker_processes {
            Workers::Auto => None,
            Workers::Number(number) => Some(number),
        }
    }
}

#[cfg(test)]
mod tests;
