//! Routing for an ingress.
pub mod annotation;
#[cfg(feature = "kubernetes")]
pub mod compile;
pub mod policy;
pub mod route;
pub mod snapshot;
pub mod upstream;

#[cfg(feature = "kubernetes")]
#[doc(no_inline)]
pub use compile::{
    Compiled, Finding, ObjectRef, Objects, Options, Report, Severity, Skipped, compile, ingress_from_v1beta1,
    recompile,
};
#[doc(no_inline)]
pub use route::{
    Backend, HostPattern, Match, ObjectName, PathPattern, Route, RouteTable, canonical_host, normalize,
};
#[doc(no_inline)]
pub use snapshot::{Snapshot, Upstreams};
#[doc(no_inline)]
pub use upstream::{Endpoint, Endpoints, Upstream};
