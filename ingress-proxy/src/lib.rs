//! Stub.

pub mod body;
pub mod config;
pub mod connection;
pub mod error;
pub mod proxy;
pub mod server;
pub mod snapshot;
mod stack;
mod timer;
mod upstream;

#[doc(no_inline)]
pub use body::Body;
#[doc(no_inline)]
pub use config::Config;
#[doc(no_inline)]
pub use connection::Connection;
pub use ingress_core as core;
#[doc(no_inline)]
pub use proxy::Proxy;
#[doc(no_inline)]
pub use server::{Drained, Running, Server, ServerError};
#[doc(no_inline)]
pub use snapshot::{Publisher, Subscriber, channel};
