//! Flags about TLS with clients.

use clap::{ArgAction, Args};

use super::{MaybeObject, value};

/// TLS with clients.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "HTTPS")]
#[non_exhaustive]
pub struct TlsArgs {
    /// Port for HTTPS, on the addresses of --bind-address; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "443", value_parser = value::port)]
    pub https_port: u16,

    /// Secret with the certificate for hosts that have none; it is followed [default: a self-signed one made at the start]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true, value_parser = value::optional_secret)]
    pub default_ssl_certificate: MaybeObject,

    /// Honour the annotation ssl-passthrough: connections for such a host go to its pods as they are, and nothing else of the
    /// Ingress holds for them
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", value_parser = value::switch, action = ArgAction::Set)]
    pub enable_ssl_passthrough: bool,
}
