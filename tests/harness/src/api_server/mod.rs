//! A Kubernetes API server in memory: as much of it as kube's reflectors, the controller and `kubectl --validate=false` can tell from a real
//! one, for the kinds in `kinds.rs`; and the faults of real ones on demand.
//!
//! A request goes `listen → http → request` (what is meant) `→ access → store` (reading), `watch`, or `write → webhook → store`.
//! There is no admission but webhooks, no defaulting, no validation but the little in `write`, no finalizers, no garbage collection, no
//! Table output; namespaces need not exist.

mod access;
mod discovery;
mod faults;
mod http;
mod kinds;
mod listen;
mod object;
mod patch;
mod record;
mod request;
mod select;
mod server;
mod shared;
mod status;
mod store;
mod watch;
mod webhook;
mod write;

pub use access::{Access, Denial, Rule};
pub use faults::Faults;
pub use record::WriteRecord;
pub use server::ApiServer;
