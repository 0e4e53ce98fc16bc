//! Flags about TCP and UDP services.

use clap::Args;

use super::{MaybeObject, value};

/// TCP and UDP services: ports of their own, on the addresses of `--bind-address`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TCP and UDP services")]
#[non_exhaustive]
pub struct StreamArgs {
    /// ConfigMap whose keys are TCP ports and whose values name a Service each, such as 9000: shop/redis:6379; it is followed
    /// [default: none]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true, value_parser = value::optional_config_map)]
    pub tcp_services_configmap: MaybeObject,

    /// The same for UDP ports, such as 53: kube-system/kube-dns:53 [default: none]
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true, value_parser = value::optional_config_map)]
    pub udp_services_configmap: MaybeObject,
}
