//! A load-balancing HTTP reverse proxy, as a [`tower::Service`] and as a server.
//!
//! [`Proxy`] is the service: it looks the route of a request up in the current [`Snapshot`](core::Snapshot), and forwards it to an endpoint
//! of the upstream that the route leads to. It mounts in axum, in hyper, or in [`Server`], which gives each core a worker of its own.
//! A snapshot is made by hand with a builder, or by `ingress-core` from Kubernetes objects, and swapped in by a [`Publisher`] without
//! touching a connection.
//!
//! ```no_run
//! use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
//! use ingress_proxy::{Config, Server, channel};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let snapshot = Snapshot::builder()
//!     .upstream(Upstream::new("api", ["127.0.0.1:3000".parse()?]))
//!     .route(Route::new(HostPattern::Any, PathPattern::prefix("/api")?, Backend::Upstream("api".into())))
//!     .build()?;
//! let (publisher, subscriber) = channel(snapshot);
//! let server = Server::new(subscriber, Config::default()).listen("[::]:8080".parse()?).start()?;
//! // … publisher.publish(another_snapshot); … server.drain(timeout).await;
//! # Ok(()) }
//! ```
//!
//! # The life of a request
//!
//! ```text
//! client ─► server: accept ─► sniff ─► framing ─► hyper ─┐
//!                                                        ▼
//!           stack:  arrival ─► check ─► router ─► forward ┐
//!                                                         ▼
//!           upstream:  pick ─► pool or connect ─► endpoint
//! ```
//!
//! With an [`Observer`], each request has a record from its arrival on, which rides along and then with the body of the answer; whatever
//! becomes of the request, the observer is told once, when the record is dropped. [`AccessLog`] is one.
//!
//! `server` names no policy, `stack` no socket and no thread, `upstream` no route. Every failure is a response; `error::Kind` has the only
//! table from failure to status.

pub mod access_log;
pub mod body;
pub mod config;
pub mod connection;
pub mod error;
pub mod observe;
pub mod proxy;
pub mod server;
pub mod snapshot;
mod stack;
mod timer;
pub mod tls;
mod upstream;

#[doc(no_inline)]
pub use access_log::AccessLog;
#[doc(no_inline)]
pub use body::Body;
#[doc(no_inline)]
pub use config::Config;
#[doc(no_inline)]
pub use connection::Connection;
pub use ingress_core as core;
#[doc(no_inline)]
pub use observe::{Finished, FinishedStream, Observer, Try};
#[doc(no_inline)]
pub use proxy::Proxy;
#[doc(no_inline)]
pub use server::{Counts, Drained, Running, Server, ServerError, StreamPort};
#[doc(no_inline)]
pub use snapshot::{Publisher, Subscriber, channel};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use upstream::fuzzing;
