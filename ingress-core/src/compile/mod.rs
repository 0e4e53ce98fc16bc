//! From Kubernetes objects to a snapshot: a whole rebuild in ordered passes.
//!
//! 1. `class`: which Ingresses are ours, the oldest first.
//! 2. `policies`: their annotations.
//! 3. `rules`: hosts, paths and backends.
//! 4. `conflicts`: the older of two equal paths wins.
//! 5. `defaults`: what answers where no path matches.
//! 6. `routes`: all becomes a table; `services` makes an upstream of each backend, `endpoints` and `external` say who is in it.
//!
//! Each pass adds to the report.
//! Nothing here fails, logs, waits or looks at a clock, and the order of the objects changes nothing.

mod address;
mod admit;
mod class;
mod conflicts;
mod defaults;
mod endpoints;
mod external;
mod index;
mod members;
mod objects;
mod options;
mod policies;
mod report;
mod routes;
mod rules;
mod selector;
mod services;
mod v1beta1;

pub use admit::{Verdict, admit};
pub use objects::Objects;
pub use options::Options;
pub use report::{Finding, ObjectRef, Report, Severity, Skipped};
pub use selector::{Selector, SelectorError};
pub use v1beta1::ingress_from_v1beta1;

use crate::snapshot::Snapshot;

/// A snapshot, and what is to be said about it.
#[derive(Debug, Default, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// What the proxy serves.
    pub snapshot: Snapshot,
    /// What was refused or changed.
    pub report: Report,
}

/// Compiles objects. Never fails: a defect degrades only what it is in, and is reported.
pub fn compile(objects: &Objects, options: &Options) -> Compiled {
    recompile(&Snapshot::default(), objects, options)
}

/// As [`compile`], taking over from an earlier snapshot each part that is the same: hosts with their tries, routes and upstreams, and the
/// whole of the routes or of the upstreams if nothing in them changed.
///
/// The result equals what [`compile`] gives.
pub fn recompile(earlier: &Snapshot, objects: &Objects, options: &Options) -> Compiled {
    let mut report = Report { findings: objects.findings.clone(), ..Report::default() };
    let index = index::Index::new(objects, &mut report.findings);
    let mut served = class::served(&index, options, &mut report);
    let findings = &mut report.findings;
    served.retain(|ingress| !policies::is_canary(ingress, findings));
    let policies: Vec<_> = served.iter().map(|ingress| policies::read(ingress, findings)).collect();
    let mut rules = rules::Rules::read(&served, findings);
    rules.drafts = conflicts::settle(rules.drafts, &served, findings);
    defaults::add(&mut rules, &served, findings);
    let mut services = services::Services::new(&index, options, &earlier.upstreams);
    let routes = routes::Routes { served: &served, policies: &policies, earlier: &earlier.routes };
    let routes = routes.build(rules, &mut services, findings);
    endpoints::stray(&index, &served, findings);
    report.ingresses = served.len();
    report.settle();
    Compiled { snapshot: Snapshot::new(routes, services.finish()), report }
}
