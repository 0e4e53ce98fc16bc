//! From Kubernetes objects to a snapshot, in ordered passes.
//!
//! 1. `global`: what the ConfigMap says for all.
//! 2. `class`: which Ingresses are ours, the oldest first.
//! 3. `policies`: their annotations; `certificates`: what their TLS sections name, which `secrets` reads.
//! 4. `rules`: hosts, paths and backends.
//! 5. `conflicts`: the older of two equal paths wins.
//! 6. `defaults`: what answers where no path matches.
//! 7. `client_auth`: what is asked of the clients of each host, which is for its `owners` to say; `certificates`: what each host presents.
//! 8. `routes`: all becomes a table; `https` says what is redirected, `transport` how endpoints are spoken to; `services` makes an upstream
//!    of each backend, `endpoints` and `external` say who is in it.
//! 9. `streams`: TCP and UDP services, which have upstreams too.
//! 10. `tls`: certificates, client certificates and `passthrough` become the table of handshakes.
//!
//! A change takes the same passes, over what it is for: `known` tells what has changed since the last compile (`seen`), `links` which
//! Ingresses that is for, `part` collects what these have to do with, and what the passes make of this part takes its place in the whole
//! (`splice`, `uses`). `compiler` composes this. So there is one definition of what objects come to, and a change costs what it changes.
//! A pass must therefore decide about an Ingress by the Ingresses that `part` names, and by what holds for all.
//!
//! `admit` asks the same passes what would become of one more Ingress.
//!
//! Each pass adds to the report.
//! Nothing here fails, logs, waits or looks at a clock, and the order of the objects changes nothing.

mod address;
mod admit;
mod certificates;
mod class;
mod client_auth;
mod compiler;
mod conflicts;
mod defaults;
mod endpoints;
mod external;
mod global;
mod https;
mod index;
mod known;
mod links;
mod members;
mod objects;
mod options;
mod owners;
mod part;
mod passthrough;
mod patterns;
mod policies;
mod references;
mod report;
mod routes;
mod rules;
mod secrets;
mod seen;
mod selector;
mod services;
mod splice;
mod streams;
mod time;
mod tls;
mod transport;
mod upstream_secrets;
mod uses;
mod v1beta1;

pub use admit::{Verdict, admit};
pub use compiler::Compiler;
pub use objects::Objects;
pub use options::{Options, TlsCheck};
pub use references::{References, referenced};
pub use report::{Finding, ObjectRef, Report, Severity, Skipped};
pub use selector::{Selector, SelectorError};
pub use v1beta1::ingress_from_v1beta1;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::config_map::Global;
use crate::settings::Settings;
use crate::snapshot::{Snapshot, Upstreams};
use class::Served;
use compiler::{Kept, Made};

/// A snapshot, and what is to be said about it.
#[derive(Debug, Default, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// What the proxy serves.
    pub snapshot: Snapshot,
    /// What was refused or changed.
    pub report: Report,
    /// What the ConfigMap says for all; its settings are in the snapshot too.
    pub global: Arc<Global>,
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
    passes(earlier, objects, options, None)
}

fn passes(earlier: &Snapshot, objects: &Objects, options: &Options, mut kept: Option<&mut Kept>) -> Compiled {
    let mut report = Report { findings: objects.findings.clone(), ..Report::default() };
    let global = global::read(objects, options, &mut report.findings);
    let index = index::Index::new(objects, &mut report.findings);
    let mut served = class::served(&index, options, &mut report);
    let findings = &mut report.findings;
    let mut made = kept.as_deref_mut().map(|kept| std::mem::take(&mut kept.made)).unwrap_or_default();
    let (known, cache) = (objects.secrets_known, std::mem::take(&mut made.secrets));
    let mut secrets = secrets::Secrets::new(&index, known, options.tls_check, cache, &earlier.tls);
    let mut time = time::Time::new(objects.now);
    certificates::check(&served, &mut secrets, &mut time, findings);
    served.retain(|ingress| !policies::is_canary(ingress, findings));
    let mut policies: Vec<_> =
        served.iter().map(|ingress| policies::read(ingress, &global, options, findings)).collect();
    let mut rules = rules(&served, findings);
    let default = policies::Policies::of_default(&global, options);
    let transports = transport::Transports::read(&served, &global, &mut secrets, &earlier.routes, findings);
    let cross_namespace = global.allow_cross_namespace;
    let owners = owners::Owners::new(&rules, &served);
    let hosts = client_auth::Hosts { served: &served, owners: &owners, cross_namespace };
    let servers = hosts.servers(&mut policies, (&mut secrets, &mut made.patterns), findings);
    let certificates = certificates::of_hosts((&served, &owners), cross_namespace, &mut secrets, findings);
    let redirects = https::Redirects {
        plain_paths: &global.plain_paths,
        port: options.https_port,
        certificates: certificates.table(),
    };
    let mut services = services::Services::new(&index, options, &earlier.upstreams, kept.is_some());
    let routes = routes::Routes {
        served: &served,
        policies: &policies,
        transports: &transports,
        redirects,
        default,
        earlier: &earlier.routes,
    };
    let routes = routes.build(&mut rules, (&mut services, &mut made.paths), findings);
    let streams = streams::read(objects, options, &earlier.streams, &mut services, findings);
    let owners = owners::Owners::new(&rules, &served);
    let tls = tls::Tls {
        served: &served,
        owners: &owners,
        options,
        certificates,
        servers,
        routes: &routes,
        earlier: &earlier.tls,
    };
    let tls = tls.table(&mut secrets, &mut time, findings);
    made.secrets = secrets.into_cache();
    let upstreams = upstreams((&served, &index), services, (made, time), kept, findings);
    report.ingresses = served.len();
    report.settle();
    let snapshot = Snapshot::new(routes, upstreams)
        .with_settings(settings(&global, earlier))
        .with_tls(tls)
        .with_streams(streams);
    Compiled { snapshot, report, global: Arc::new(global) }
}

/// Hosts, paths and backends, each once.
fn rules<'o>(served: &[Served<'o>], findings: &mut Vec<Finding>) -> rules::Rules<'o> {
    let mut rules = rules::Rules::read(served, findings);
    rules.drafts = conflicts::settle(rules.drafts, served, findings);
    defaults::add(&mut rules, served, findings);
    rules
}

/// All upstreams; what the next compile needs is kept.
fn upstreams<'c>(
    (served, index): (&[Served<'_>], &'c index::Index<'c>),
    services: services::Services<'c>,
    (made, time): (Made, time::Time),
    kept: Option<&mut Kept>,
    findings: &mut Vec<Finding>,
) -> Arc<Upstreams> {
    let mut namespaces: HashMap<_, usize> = HashMap::new();
    served.iter().for_each(|ingress| *namespaces.entry(ingress.object.namespace.clone()).or_default() += 1);
    let stray = endpoints::stray(index, |namespace| namespaces.contains_key(namespace));
    findings.extend_from_slice(&stray);
    let Some(kept) = kept else { return services.finish(findings, None) };
    (kept.namespaces, kept.stray) = (namespaces, stray);
    (kept.made, kept.time) = (made, time);
    services.finish(findings, Some(&mut kept.uses))
}

fn settings(global: &Global, earlier: &Snapshot) -> Arc<Settings> {
    match global.settings == earlier.settings {
        true => earlier.settings.clone(),
        false => global.settings.clone(),
    }
}
