//! Stub.
pub mod config;
pub mod server;
pub mod snapshot;
#[doc(no_inline)]
pub use config::Config;
pub use ingress_core as core;
#[doc(no_inline)]
pub use server::{Drained, Running, Server, ServerError};
#[doc(no_inline)]
pub use snapshot::{Publisher, Subscriber, channel};
