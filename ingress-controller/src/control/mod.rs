//! From a change at the source to the proxy: settle, compile, publish, say what changed. All of it on the control thread.

mod settle;
mod summary;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ingress_core::{Endpoints, Options, Report, Snapshot, recompile};
use ingress_proxy::Publisher;
use tokio::sync::watch;

use crate::source::{Loaded, Problem, Source};
use settle::settle;

/// What is served since the last change, and what is to be said about it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Counts the times that the source was read and compiled: 1 is the start.
    pub generation: u64,
    /// How much is served.
    pub counts: Counts,
    /// What the compile refused or changed.
    pub report: Report,
    /// What the source could not read.
    pub problems: Vec<Problem>,
}

/// How much is served.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Hosts of rules; the rules without a host count as one.
    pub hosts: usize,
    /// Routes, without the default one.
    pub routes: usize,
    /// Upstreams.
    pub upstreams: usize,
    /// Addresses of upstreams.
    pub endpoints: usize,
}

impl Counts {
    fn of(snapshot: &Snapshot) -> Self {
        let mut counts = Self { upstreams: snapshot.upstreams.len(), ..Self::default() };
        for (_, routes) in snapshot.routes.hosts() {
            counts.hosts += 1;
            counts.routes += routes.routes().len();
        }
        for upstream in snapshot.upstreams.iter() {
            if let Endpoints::Addresses(addresses) = &upstream.endpoints {
                counts.endpoints += addresses.len();
            }
        }
        counts
    }
}

/// Keeps the proxy at what the source says.
#[derive(Debug)]
pub(crate) struct Control<S> {
    source: S,
    options: Options,
    publisher: Publisher,
    published: watch::Sender<Arc<Published>>,
}

impl<S: Source> Control<S> {
    pub(crate) fn new(
        source: S,
        options: Options,
        publisher: Publisher,
        published: watch::Sender<Arc<Published>>,
    ) -> Self {
        Self { source, options, publisher, published }
    }

    /// Reads, compiles and publishes for the first time, and says nothing yet.
    pub(crate) fn begin(&mut self) {
        self.publish();
    }

    /// Says what is served.
    pub(crate) fn log_all(&self) {
        summary::log(&summary::all(&self.publisher.current(), &self.published.borrow()));
    }

    /// Follows the source until `stop` is closed.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = settle(&mut self.source) => {}
            }
            let before = (self.publisher.current(), self.published.borrow().clone());
            // Unwinding costs this change; the one after it is tried as if nothing had been.
            if catch_unwind(AssertUnwindSafe(|| self.publish())).is_err() {
                tracing::error!(
                    "the last change made the compile fail and is not served; please report this defect"
                );
                continue;
            }
            let after = (self.publisher.current(), self.published.borrow().clone());
            summary::log(&summary::delta((&before.0, &before.1), (&after.0, &after.1)));
        }
    }

    fn publish(&mut self) {
        let Loaded { objects, problems } = self.source.load();
        let compiled = recompile(&self.publisher.current(), &objects, &self.options);
        let counts = Counts::of(&compiled.snapshot);
        self.publisher.publish(compiled.snapshot);
        let generation = self.published.borrow().generation + 1;
        let published = Published { generation, counts, report: compiled.report, problems };
        self.published.send_replace(Arc::new(published));
    }
}
