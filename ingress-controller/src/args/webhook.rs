//! Flags about the admission webhook.

use clap::Args;

use super::{MaybeListen, MaybePath, value};

/// The webhook that the API server asks before it stores an Ingress. All three flags or none.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Admission webhook")]
#[non_exhaustive]
pub struct WebhookArgs {
    /// Where to serve it, such as :8443 or 10.0.0.1:8443 [default: not at all]
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "", hide_default_value = true, value_parser = value::listen)]
    pub validating_webhook: MaybeListen,

    /// File with its certificate in PEM; followed when it changes
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true, value_parser = value::optional_path)]
    pub validating_webhook_certificate: MaybePath,

    /// File with the key of the certificate in PEM; followed when it changes
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true, value_parser = value::optional_path)]
    pub validating_webhook_key: MaybePath,
}
