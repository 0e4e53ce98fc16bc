//! The Ingress controller as a library: objects from files in, HTTP served.
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
#[allow(dead_code, reason = "not started by `run` yet")]
mod admission;
pub mod args;
mod config;
mod control;
mod error;
#[allow(dead_code, reason = "only rendered by `run` yet")]
mod metrics;
mod port;
mod run;
mod source;
mod status;
pub mod telemetry;

pub use config::RunConfig;
pub use control::{Counts, Published};
pub use error::Error;
pub use run::{Controller, RunningController};
pub use source::Problem;
