//! Flags about the API server.

use clap::Args;

use super::{MaybePath, MaybeUrl, value};

/// Where the Kubernetes API server is. Used if there is no `--manifests`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where objects come from")]
#[non_exhaustive]
pub struct ClusterArgs {
    /// File with the address of the API server and the credentials [default: the file that KUBECONFIG names, else those of the pod]
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true, value_parser = value::optional_path)]
    pub kubeconfig: MaybePath,

    /// Address of the API server, such as http://127.0.0.1:8001; overrides the one of --kubeconfig
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true, value_parser = value::optional_url)]
    pub apiserver_host: MaybeUrl,

    /// File with the certificates in PEM that the API server's own is checked against
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true, value_parser = value::optional_path)]
    pub certificate_authority: MaybePath,
}
