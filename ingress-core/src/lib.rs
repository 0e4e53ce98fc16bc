//! Routing for an ingress: Kubernetes objects in, an immutable table out. No I/O, no clock, no logging, no threads.
//!
//! ```
//! # #[cfg(feature = "kubernetes")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ingress_core::{Objects, Options, canonical_host, compile, normalize};
//!
//! let ingress = serde_saphyr::from_str(
//!     r#"
//! apiVersion: networking.k8s.io/v1
//! kind: Ingress
//! metadata:
//!   name: web
//!   namespace: shop
//! spec:
//!   rules:
//!   - host: mywebsite.com
//!     http:
//!       paths:
//!       - path: /api
//!         pathType: Prefix
//!         backend: { service: { name: api, port: { number: 80 } } }
//! "#,
//! )?;
//! let mut objects = Objects::default();
//! objects.ingresses.push(std::sync::Arc::new(ingress));
//! let mut options = Options::default();
//! options.watch_ingress_without_class = true;
//!
//! let compiled = compile(&objects, &options);
//! let host = canonical_host("MyWebsite.com:8080").ok_or("400")?;
//! let found = compiled.snapshot.routes.find(&host, &normalize("/api/v1")?).ok_or("404")?;
//! assert_eq!(found.route.path.as_str(), "/api");
//! assert_eq!(found.route.ingress.as_ref().ok_or("no object")?.to_string(), "shop/web");
//!
//! // The Service was not given: the route is there, nobody is behind it, and the report says why.
//! let finding = compiled.report.findings.first().ok_or("no finding")?;
//! assert_eq!(
//!     finding.to_string(),
//!     "ingress shop/web: spec.rules[0].http.paths[0].backend.service.name: there is no service \"api\" in namespace \
//!      \"shop\"; answered 503; create the service, or name one of that namespace",
//! );
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "kubernetes"))]
//! # fn main() {}
//! ```
//!
//! # What lives where
//!
//! | module | holds |
//! |---|---|
//! | [`route`] | [`RouteTable`] with its hosts, paths and precedence, the normal form of paths, the builder |
//! | [`upstream`] | [`Upstream`]: a named group of endpoints, described |
//! | [`policy`] | what holds for the requests of a route; data only |
//! | [`settings`] | [`Settings`]: what holds whatever the route |
//! | [`tls`] | [`TlsTable`]: certificates and what is asked of clients, by name |
//! | [`stream`] | [`Stream`]: a port whose bytes are passed on as they are |
//! | [`snapshot`] | [`Snapshot`]: routes, upstreams and settings of one moment, and a builder for use without Kubernetes |
//! | [`annotation`] | the table of ingress-nginx's annotations, and how their values are read |
//! | [`config_map`] | the table of the keys of ingress-nginx's ConfigMap, and how their values are read |
//! | `compile` | objects to a snapshot and a report (feature `kubernetes`, on by default) |
//!
//! A proxy asks for a route on every request and never changes a table: a new configuration is a new [`Snapshot`], which shares with the
//! one before whatever is the same in both.

pub mod annotation;
#[cfg(feature = "kubernetes")]
pub mod compile;
pub mod config_map;
pub mod policy;
pub mod route;
pub mod settings;
mod shards;
pub mod snapshot;
pub mod stream;
pub mod tls;
pub mod upstream;
mod value;

#[cfg(feature = "kubernetes")]
#[doc(no_inline)]
pub use compile::{
    Compiled, Compiler, Finding, ObjectRef, Objects, Options, References, Report, Selector, SelectorError,
    Severity, Skipped, TlsCheck, Verdict, admit, compile, ingress_from_v1beta1, recompile, referenced,
};
#[doc(no_inline)]
pub use config_map::Global;
#[doc(no_inline)]
pub use route::{
    Backend, HostPattern, Match, ObjectName, PathPattern, Route, RouteTable, canonical_host, normalize,
};
#[doc(no_inline)]
pub use settings::Settings;
#[doc(no_inline)]
pub use snapshot::{Snapshot, Upstreams};
#[doc(no_inline)]
pub use stream::{Stream, StreamProtocol};
#[doc(no_inline)]
pub use tls::{Certificate, TlsTable};
#[doc(no_inline)]
pub use upstream::{Endpoint, Endpoints, Upstream};
