//! Compiling again and again: what changed decides how much is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashSet;

use super::index::Index;
use super::patterns::Patterns;
use super::report::Finding;
use super::secrets::Cache;
use super::time::Time;
use super::uses::{Change, Uses};
use super::{Compiled, Objects, Options, endpoints, passes};
use crate::route::ObjectName;

/// Compiles the objects of one source, and takes the short way when only endpoints changed.
///
/// Whichever way is taken, the result equals that of [`compile`](super::compile) of the same objects.
#[derive(Debug)]
pub struct Compiler {
    options: Options,
    compiled: Compiled,
    /// `None` until there was a whole compile.
    kept: Option<Kept>,
}

/// What the short way needs of the last whole compile.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) uses: Uses,
    /// Those of our Ingresses.
    pub(super) namespaces: HashSet<Arc<str>>,
    /// About slices that name no Service.
    pub(super) stray: Vec<Finding>,
    /// What was read of Secrets.
    pub(super) secrets: Cache,
    /// The regular expressions of annotations.
    pub(super) patterns: Patterns,
    /// The time of the compile.
    pub(super) time: Time,
}

impl Kept {
    /// Takes out what was read of Secrets and annotations, to be read no more than once.
    pub(super) fn take_read(&mut self) -> (Cache, Patterns) {
        (std::mem::take(&mut self.secrets), std::mem::take(&mut self.patterns))
    }
}

impl Compiler {
    /// A compiler that has not seen any objects.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, compiled: Compiled::default(), kept: None }
    }

    /// What the last compile gave.
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// Compiles everything, as [`recompile`](super::recompile) with the last snapshot as the earlier one.
    pub fn compile(&mut self, objects: &Objects) -> &Compiled {
        // Should the compile unwind, the next change must not take the short way from what was before.
        let Kept { secrets, patterns, .. } = self.kept.take().unwrap_or_default();
        let mut kept = Kept { secrets, patterns, ..Kept::default() };
        self.compiled = passes(&self.compiled.snapshot, objects, &self.options, Some(&mut kept));
        self.kept = Some(kept);
        &self.compiled
    }

    /// Compiles after a change of nothing but EndpointSlices.
    ///
    /// `touched` names the Service of every slice that was added, changed or removed since the last call; of a slice that went from one
    /// Service to another, both. The routes are not looked at; the work grows with the Services touched, but for one look at the label
    /// of each slice and one copy of the list of upstreams.
    pub fn endpoints(&mut self, objects: &Objects, touched: &BTreeSet<ObjectName>) -> &Compiled {
        // Whether anybody is in the default backend decides about a route.
        let default = self.options.default_backend_service.as_ref();
        let short = default.is_none_or(|name| !touched.contains(name));
        let Some(mut kept) = self.kept.take_if(|kept| short && kept.time.is_as_at(objects.now)) else {
            return self.compile(objects);
        };
        let (mut change, stray) = self.again(&kept, objects, touched);
        if stray != kept.stray {
            change.gone.append(&mut kept.stray);
            change.new.extend_from_slice(&stray);
            kept.stray = stray;
        }
        kept.uses.settle(&mut change);
        let snapshot = &mut self.compiled.snapshot;
        if let Some(upstreams) = snapshot.upstreams.with(change.upstreams) {
            snapshot.upstreams = Arc::new(upstreams);
        }
        self.compiled.report.replace(change.gone, change.new);
        self.kept = Some(kept);
        &self.compiled
    }

    /// What touched Services have become, and the findings about slices that name none.
    fn again(
        &self,
        kept: &Kept,
        objects: &Objects,
        touched: &BTreeSet<ObjectName>,
    ) -> (Change, Vec<Finding>) {
        let mut change = Change::default();
        let index = Index::of_services(objects, kept.uses.objects(touched));
        for service in touched {
            kept.uses.again(service, &index, &self.options, &mut change);
        }
        let stray = endpoints::stray(&index, |namespace| kept.namespaces.contains(namespace));
        (change, stray)
    }
}
