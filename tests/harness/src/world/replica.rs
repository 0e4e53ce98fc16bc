//! A controller in this process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_controller::{Controller, Published, RunConfig, RunningController};

use super::World;
use super::program::ask;
use crate::{Answer, DEADLINE, within};

/// A controller in this process. Dropping it stops it.
#[derive(Debug)]
pub struct Replica {
    controller: RunningController,
}

impl Replica {
    /// Starts it, and waits until it serves.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start(config: RunConfig) -> Self {
        let started = within("the controller to start", Controller::start(config)).await;
        Self { controller: started.expect("a controller") }
    }

    /// Where it serves HTTP.
    pub fn address(&self) -> SocketAddr {
        self.controller.http_addresses()[0]
    }

    /// Where it serves health and metrics.
    pub fn healthz(&self) -> SocketAddr {
        self.controller.healthz_address()
    }

    /// GETs a path of a host on a connection of its own.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        ask(self.address(), host, path).await.expect("an answer")
    }

    /// Its metrics.
    pub async fn metrics(&self) -> String {
        ask(self.healthz(), "x", "/metrics").await.expect("metrics").text().to_owned()
    }

    /// True if it leads.
    pub async fn leads(&self) -> bool {
        let metrics = self.metrics().await;
        let line = metrics.lines().find(|line| line.contains("leader_election_status{"));
        line.is_some_and(|line| line.ends_with(" 1"))
    }

    /// Waits until it leads.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    pub async fn until_leads(&self, world: &World) {
        world.until("a replica to lead", async || self.leads().await.then_some(())).await;
    }

    /// Waits until the path `/` of a host is answered with this status and this text; any text will do if it is empty.
    ///
    /// # Panics
    /// After [`DEADLINE`], with the last answer.
    #[track_caller]
    pub fn answers(&self, host: &str, status: u16, text: &str) -> impl Future<Output = ()> {
        let wanted = move |answer: &Answer| {
            answer.status == status && (text.is_empty() || answer.body == text.as_bytes())
        };
        self.until_answer(host, wanted)
    }

    /// Waits until the answer for the path `/` of a host is as wanted. What is published is live, so it is asked again only then.
    ///
    /// # Panics
    /// After [`DEADLINE`], with the last answer.
    #[track_caller]
    pub fn until_answer(&self, host: &str, wanted: impl Fn(&Answer) -> bool) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let mut published = self.controller.published();
            let mut last = None;
            let asked = async {
                loop {
                    published.mark_unchanged();
                    let answer = self.get(host, "/").await;
                    if wanted(&answer) {
                        return;
                    }
                    last = Some(answer);
                    published.changed().await.expect("a controller that runs");
                }
            };
            if tokio::time::timeout(DEADLINE, asked).await.is_err() {
                let last =
                    last.map(|answer| (answer.status, String::from_utf8_lossy(&answer.body).into_owned()));
                let now = describe(&published.borrow());
                panic!("waited in vain for another answer of {host} than {last:?} (at {caller}); {now}");
            }
        }
    }

    /// What is served now.
    pub fn published(&self) -> Arc<Published> {
        self.controller.published().borrow().clone()
    }

    /// Waits until what is served is as wanted.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    #[track_caller]
    pub fn until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Published) -> bool,
    ) -> impl Future<Output = Arc<Published>> {
        let caller = std::panic::Location::caller();
        async move {
            let mut published = self.controller.published();
            let waited = published.wait_for(|published| wanted(published));
            if let Ok(found) = tokio::time::timeout(DEADLINE, waited).await {
                return found.expect("a controller that runs").clone();
            }
            panic!("waited in vain for {what} (at {caller}); {}", describe(&self.published()));
        }
    }

    /// Waits for a finding with this reason, and gives it in words.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    #[track_caller]
    pub fn finding(&self, reason: &str) -> impl Future<Output = String> {
        let of = move |published: &Published| {
            let found = published.report.findings.iter().find(|finding| finding.reason == reason);
            found.map(ToString::to_string)
        };
        let waited = self.until(reason, move |published| of(published).is_some());
        async move { of(&*waited.await).expect("the finding") }
    }

    /// Waits until there is no finding with this reason.
    ///
    /// # Panics
    /// After [`DEADLINE`].
    #[track_caller]
    pub fn no_finding(&self, reason: &str) -> impl Future<Output = ()> {
        let waited = self.until(reason, move |published| {
            published.report.findings.iter().all(|finding| finding.reason != reason)
        });
        async move { drop(waited.await) }
    }

    /// Stops it in order.
    pub async fn drain(self) {
        within("a drain", self.controller.drain(Duration::from_secs(5))).await;
    }
}

/// What is served, in words, for a test that waits in vain.
pub fn describe(published: &Published) -> String {
    let mut text = format!("generation {}, {:?}", published.generation, published.counts);
    for finding in &published.report.findings {
        let _ = write!(text, "\n  {finding}");
    }
    for skipped in &published.report.skipped {
        let _ = write!(text, "\n  skipped {}: {}", skipped.object, skipped.reason);
    }
    for problem in &published.problems {
        let _ = write!(text, "\n  {problem}");
    }
    text
}
