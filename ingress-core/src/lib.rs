//! Routing for an ingress.
pub mod policy;
pub mod route;
pub mod snapshot;
pub mod upstream;

#[doc(no_inline)]
pub use route::{
    Backend, HostPattern, Match, ObjectName, PathPattern, Route, RouteTable, canonical_host, normalize,
};
#[doc(no_inline)]
pub use snapshot::{Snapshot, Upstreams};
#[doc(no_inline)]
pub use upstream::{Endpoint, Endpoints, Upstream};
