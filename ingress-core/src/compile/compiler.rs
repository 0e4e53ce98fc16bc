//! Compiling again and again: what changed decides how much is done.

use std::sync::Arc;

use hashbrown::HashMap;
use k8s_openapi::api::networking::v1::Ingress;

use super::index::{Index, name, namespace};
use super::known::{Changes, Known};
use super::part::Part;
use super::patterns::Patterns;
use super::report::{Finding, Report};
use super::secrets::Cache;
use super::time::Time;
use super::uses::Uses;
use super::{Compiled, Objects, Options, endpoints, passes, policies, splice};
use crate::route::{ObjectName, PathSets};

/// Compiles the objects of one source again and again, each time no more of them than a change is for.
///
/// An object that has changed must be another allocation, as it is in the store of a reflector. Whatever is done, the result equals that of
/// [`compile`](super::compile) of the same objects.
#[derive(Debug)]
pub struct Compiler {
    options: Options,
    /// The same without what is not for a part to say.
    of_part: Options,
    compiled: Compiled,
    /// `None` until there was a compile.
    kept: Option<Kept>,
}

/// What is kept of the last compile.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The objects; `None` if they are not to be told apart.
    known: Option<Known>,
    pub(super) uses: Uses,
    /// Those of the Ingresses that are served, with how many there are in each.
    pub(super) namespaces: HashMap<Arc<str>, usize>,
    /// About slices that name no Service.
    pub(super) stray: Vec<Finding>,
    /// What takes time to make.
    pub(super) made: Made,
    /// The time of the compile.
    pub(super) time: Time,
}

/// What takes time to make, and is made no more than once.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// What was read of Secrets.
    pub(super) secrets: Cache,
    /// The regular expressions of annotations.
    pub(super) patterns: Patterns,
    /// What hosts share.
    pub(super) paths: PathSets,
}

impl Compiler {
    /// A compiler that has not seen any objects.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let of_part = Options {
            default_backend_service: None,
            default_certificate: None,
            fallback_certificate: None,
            tcp_services: None,
            udp_services: None,
            ..options.clone()
        };
        Self { options, of_part, compiled: Compiled::default(), kept: None }
    }

    /// What the last compile gave.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles the objects: what has changed since the last time, and what that has to do with. Where it is for all, such as a change of the
    /// ConfigMap, that is everything.
    pub fn compile(&mut self, objects: &Objects) -> &Compiled {
        // Should the compile unwind, the next one must not build on what was before.
        let mut kept = self.kept.take().unwrap_or_default();
        if self.part(&mut kept, objects).is_none() {
            kept = self.whole(kept.made, objects);
        }
        self.kept = Some(kept);
        &self.compiled
    }

    fn whole(&mut self, mut made: Made, objects: &Objects) -> Kept {
        made.secrets.begin();
        made.patterns.begin();
        let mut kept = Kept { made, ..Kept::default() };
        self.compiled = passes(&self.compiled.snapshot, objects, &self.options, Some(&mut kept));
        kept.made.secrets.drop_unused();
        kept.made.patterns.drop_unused();
        kept.known = Known::new(objects);
        kept
    }

    /// Compiles the part that a change is for; `None` if that may be everything.
    fn part(&mut self, kept: &mut Kept, objects: &Objects) -> Option<()> {
        let known = kept.known.as_mut().filter(|_| kept.time.is_as_at(objects.now))?;
        let changes = known.follow(objects, &self.options)?;
        if changes.services.iter().any(|service| kept.uses.streams.contains(service)) {
            return None;
        }
        let part = Part::of(&changes, known, &self.compiled.snapshot.tls)?;
        // What is said about the Service of the default backend is not said because of Ingresses alone.
        let backend = self.options.default_backend_service.as_ref();
        if backend.is_some_and(|service| part.services.contains(service)) {
            return None;
        }
        kept.made.secrets.forget(&changes.gone_secrets);
        kept.made.patterns.drop_if_many();
        let of_part = part.objects(known, objects, &self.options);
        let mut made = Kept { made: std::mem::take(&mut kept.made), ..Kept::default() };
        let compiled = match part.names.is_empty() {
            true => Compiled::default(),
            false => passes(&self.compiled.snapshot, &of_part, &self.of_part, Some(&mut made)),
        };
        kept.made = made.made;
        if splice::is_for_more(&part, &self.compiled.snapshot.tls, &compiled.snapshot.tls) {
            return None;
        }
        kept.time = kept.time.and(made.time, objects.now);
        splice::hosts(&mut self.compiled.snapshot, &part, &compiled.snapshot);
        let index = Index::new(&of_part, &mut Vec::new());
        let mut change = kept.uses.take_over(&part, made.uses, (&index, &self.options));
        splice::upstreams(&mut self.compiled.snapshot, &mut change);
        let is_part = |finding: &&Finding| part.is_about(finding);
        let report = &mut self.compiled.report;
        change.gone.extend(report.findings.iter().filter(is_part).cloned());
        change.new.extend(compiled.report.findings.iter().chain(&objects.findings).filter(is_part).cloned());
        let has_other = kept.count(&changes, report, &compiled.report);
        if changes.stray || has_other {
            let stray = kept.strays();
            change.gone.append(&mut kept.stray);
            change.new.extend_from_slice(&stray);
            kept.stray = stray;
        }
        report.replace(change.gone, change.new);
        Some(())
    }
}

impl Kept {
    /// Takes over which Ingresses are ours and how many of them are served. True if a namespace has Ingresses now and had none before, or the
    /// other way round.
    fn count(&mut self, changes: &Changes, report: &mut Report, part: &Report) -> bool {
        let is_served = |ingress: &Ingress, name: &ObjectName, report: &Report| {
            let annotations = ingress.metadata.annotations.as_ref();
            report.is_ours(name) && !annotations.is_some_and(policies::has_canary)
        };
        let namespaces = self.namespaces.len();
        let mut other = false;
        for ingress in &changes.before {
            let name = object_name(ingress);
            if is_served(ingress, &name, report) {
                report.ingresses -= 1;
                other |= self.leave(&name.namespace);
            }
        }
        for ingress in &changes.after {
            let name = object_name(ingress);
            if is_served(ingress, &name, part) {
                report.ingresses += 1;
                *self.namespaces.entry(name.namespace.clone()).or_default() += 1;
            }
        }
        for ingress in changes.before.iter().chain(&changes.after) {
            report.take_membership(&object_name(ingress), part);
        }
        other || self.namespaces.len() != namespaces
    }

    /// One Ingress of a namespace is served no more. True if it was the last.
    fn leave(&mut self, namespace: &Arc<str>) -> bool {
        let left = self.namespaces.get_mut(namespace).map(|count| {
            *count -= 1;
            *count
        });
        left == Some(0) && self.namespaces.remove(namespace).is_some()
    }

    /// What is to be said of slices that name no Service.
    fn strays(&self) -> Vec<Finding> {
        let stray_slices = self.known.iter().flat_map(Known::stray).map(|slice| &**slice).collect();
        let index = Index { stray_slices, ..Index::default() };
        endpoints::stray(&index, |namespace| self.namespaces.contains_key(namespace))
    }
}

fn object_name(ingress: &Ingress) -> ObjectName {
    ObjectName { namespace: namespace(&ingress.metadata).into(), name: name(&ingress.metadata).into() }
}
