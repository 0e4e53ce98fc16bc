//! From a change at the source to the proxy: settle, compile, publish, say what changed. All of it on the control thread.

mod settle;
mod summary;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ingress_core::{Compiler, Endpoints, Global, Options, Report, Snapshot};
use ingress_proxy::Publisher;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::metrics::Metrics;
use crate::source::{Loaded, Problem, Source, Touched};
use settle::settle;

/// What is served since the last change, and what is to be said about it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Counts the times that the source was read and compiled: 1 is the start.
    pub generation: u64,
    /// How much is served.
    pub counts: Counts,
    /// What the ConfigMap says for all.
    pub global: Arc<Global>,
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
        let mut counts = Self {
            hosts: snapshot.routes.host_count(),
            routes: snapshot.routes.route_count(),
            upstreams: snapshot.upstreams.len(),
            endpoints: 0,
        };
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
    compiler: Compiler,
    publisher: Publisher,
    published: watch::Sender<Arc<Published>>,
    metrics: Arc<Metrics>,
    /// Everything is compiled anew with the next change, whatever that is: the last compile did not come to its end, so nothing of it may
    /// be built on; or it is old.
    anew: bool,
}

/// Certificates expire without a change of any object. So often it is looked whether one has: what is said of them is ten days early.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

impl<S: Source> Control<S> {
    pub(crate) fn new(
        source: S,
        options: Options,
        publisher: Publisher,
        published: watch::Sender<Arc<Published>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { source, compiler: Compiler::new(options), publisher, published, metrics, anew: false }
    }

    /// Reads, compiles and publishes for the first time, and says nothing yet.
    pub(crate) fn begin(&mut self) {
        let loaded = self.source.load();
        self.publish(&Touched::All, loaded.problems);
    }

    /// What holds for the whole process, as it is now.
    pub(crate) fn global(&self) -> Arc<Global> {
        self.compiler.compiled().global.clone()
    }

    /// Says what is served.
    pub(crate) fn log_all(&self) {
        summary::log(&summary::all(&self.publisher.current(), &self.published.borrow()));
    }

    /// Follows the source until `stop` is closed.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        // One half of the thread is for what else it does.
        let mut rested = Instant::now();
        let mut look_again = rested + LOOK_AGAIN;
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = settle(&mut self.source, rested) => {}
                () = sleep_until(look_again) => {
                    self.anew = true;
                    look_again = Instant::now() + LOOK_AGAIN;
                }
            }
            let start = Instant::now();
            self.follow();
            rested = Instant::now() + start.elapsed();
        }
    }

    /// Takes up what has changed. Unwinding costs this change; the one after it is tried as if nothing had been.
    fn follow(&mut self) {
        let before = (self.publisher.current(), self.published.borrow().clone());
        let Loaded { mut touched, problems } = self.source.load();
        if self.anew {
            touched = Touched::All;
        }
        self.anew = catch_unwind(AssertUnwindSafe(|| self.publish(&touched, problems))).is_err();
        if self.anew {
            self.metrics.failed();
            return tracing::error!(
                "the last change made the compile fail and is not served; please report this defect"
            );
        }
        let after = (self.publisher.current(), self.published.borrow().clone());
        if before.1.global.worker_processes != after.1.global.worker_processes {
            tracing::warn!("worker-processes of the ConfigMap has changed: it holds from the next start on");
        }
        match touched {
            Touched::All | Touched::Nothing => {
                summary::log(&summary::delta((&before.0, &before.1), (&after.0, &after.1)));
            }
            Touched::Endpoints(services) => summary::log_endpoints(&services, &before.1, &after.1),
        }
    }

    fn publish(&mut self, touched: &Touched, problems: Vec<Problem>) {
        let objects = self.source.objects();
        objects.now = now();
        let compiled = match touched {
            Touched::All | Touched::Endpoints(_) => self.compiler.compile(objects),
            Touched::Nothing => self.compiler.compiled(),
        };
        let counts = Counts::of(&compiled.snapshot);
        let (report, global) = (compiled.report.clone(), compiled.global.clone());
        self.publisher.publish(compiled.snapshot.clone());
        let generation = self.published.borrow().generation + 1;
        let published = Arc::new(Published { generation, counts, global, report, problems });
        self.metrics.published(&published, &self.publisher.current());
        self.published.send_replace(published);
    }
}

/// The time, in seconds since 1970, as [`Objects::now`](ingress_core::Objects::now) wants it; `None` if the clock is before that.
pub(crate) fn now() -> Option<i64> {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests;
