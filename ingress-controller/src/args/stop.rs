//! Flags about the end.

use std::time::Duration;

use clap::Args;

use super::value;

/// How we stop.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "When we are told to stop")]
#[non_exhaustive]
pub struct StopArgs {
    /// Seconds to go on serving after SIGTERM while the health check already fails
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = value::seconds)]
    pub shutdown_grace_period: Duration,

    /// How long running requests may take to end when we stop, such as 30s or 5m; then they are cut
    /// [default: what the ConfigMap says, else 240s]
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub worker_shutdown_timeout: Option<Duration>,

    /// Seconds to wait after the last request before the program ends [default: 0 with --manifests, else 10]
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub post_shutdown_grace_period: Option<Duration>,
}
