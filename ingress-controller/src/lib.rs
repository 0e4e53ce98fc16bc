//! The Ingress controller as a library: objects from files or a cluster in, HTTP and HTTPS served.
//!
//! ```no_run
//! use ingress_controller::{Controller, RunConfig};
//!
//! # async fn run() -> Result<(), ingress_controller::Error> {
//! let config = RunConfig::new(vec!["manifests".into()], ([127, 0, 0, 1], 8080).into());
//! let controller = Controller::start(config).await?;
//! // … and when it is to end:
//! controller.drain(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod admission;
pub mod args;
mod config;
mod control;
mod error;
mod fake_certificate;
mod metrics;
mod permission;
mod port;
mod run;
mod source;
mod status;
pub mod telemetry;

pub use config::{
    AccessLogSink, Address, ClusterConfig, Election, MetricsConfig, Pod, Publish, RunConfig, Source,
    StatusConfig, WebhookConfig,
};
pub use control::{Counts, Published};
pub use error::Error;
pub use run::{Controller, RunningController};
pub use source::Problem;
