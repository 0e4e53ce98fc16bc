//! How far each reflector has come, and what keeps it from coming further.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::kube::runtime::watcher;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::changes::Changes;
use super::{FIRST_WORD, REMIND};
use crate::source::{Problem, Touched};

/// How long something must have been denied to be done without: a server that has just started denies everything for a moment.
const DENIED: Duration = Duration::from_secs(3);

/// The reflectors of a source.
#[derive(Debug, Default)]
pub(super) struct Progress {
    reflectors: Mutex<Vec<State>>,
    moved: Notify,
    /// Somebody has reached the server again.
    back: Notify,
}

#[derive(Debug)]
struct State {
    /// As in a permission: `ingresses.networking.k8s.io`.
    resource: String,
    needed: bool,
    /// A list has been complete.
    listed: bool,
    problem: Option<(Problem, Why)>,
    denied_since: Option<Instant>,
}

/// Why something cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It may not be.
    Denied,
    /// Anything that passes.
    Failed,
}

impl Progress {
    /// Adds a reflector.
    pub(super) fn add(self: &Arc<Self>, resource: String, needed: bool) -> Handle {
        let mut reflectors = self.lock();
        reflectors.push(State { resource, needed, listed: false, problem: None, denied_since: None });
        Handle { number: reflectors.len() - 1, progress: self.clone() }
    }

    /// Waits until each reflector has listed its objects, but for those that can be done without and may not list. Says what is missing.
    pub(super) async fn synced(&self, waiting: &impl Fn(Vec<String>)) {
        let mut told = Vec::new();
        let mut remind = Instant::now() + FIRST_WORD;
        loop {
            let moved = self.moved.notified();
            let missing = self.missing();
            if missing.is_empty() {
                return waiting(missing);
            }
            if missing != told {
                waiting(missing.clone());
                told = missing;
            }
            let look_again = Instant::now() + DENIED / 4;
            if timeout_at(remind.min(look_again), moved).await.is_err() && Instant::now() >= remind {
                tracing::warn!("waiting for the API server: {}", told.join("; "));
                remind = Instant::now() + REMIND;
            }
        }
    }

    fn missing(&self) -> Vec<String> {
        let reflectors = self.lock();
        let missing = reflectors.iter().filter(|state| !state.listed && (state.needed || !state.is_denied()));
        let mut missing: Vec<_> = missing
            .map(|state| match &state.problem {
                Some((problem, Why::Denied)) => format!("{}; {}", problem.message, problem.remedy),
                Some((problem, _)) => problem.message.clone(),
                None => format!("{} are not read yet", state.resource),
            })
            .collect();
        missing.sort();
        missing.dedup();
        missing
    }

    /// True if nothing of a resource is known because it may not be read.
    pub(super) fn is_unknown(&self, resource: &str) -> bool {
        self.lock().iter().any(|state| state.resource == resource && !state.listed)
    }

    /// What keeps reflectors from working, in a fixed order, each once.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let reflectors = self.lock();
        let mut problems: Vec<_> =
            reflectors.iter().filter_map(|state| Some(state.problem.as_ref()?.0.clone())).collect();
        problems.sort();
        problems.dedup();
        problems
    }

    /// Ready when somebody has reached the server.
    pub(super) async fn back(&self) {
        self.back.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<State>> {
        self.reflectors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_denied(&self) -> bool {
        self.denied_since.is_some_and(|since| since.elapsed() >= DENIED)
    }

    fn set_problem(&mut self, problem: Option<(Problem, Why)>) {
        self.denied_since = match &problem {
            Some((_, Why::Denied)) => self.denied_since.or_else(|| Some(Instant::now())),
            _ => None,
        };
        self.problem = problem;
    }
}

/// A reflector's own entry.
#[derive(Debug)]
pub(super) struct Handle {
    progress: Arc<Progress>,
    number: usize,
}

impl Handle {
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The server has answered it, though there may be nothing new. True if it had a problem before.
    pub(super) fn heard(&self) -> bool {
        let recovered = self.with(|state| {
            let had = state.problem.is_some();
            state.set_problem(None);
            had
        });
        if recovered {
            self.progress.back.notify_waiters();
            self.progress.moved.notify_one();
        }
        recovered
    }

    /// Its list is complete. True if it is the first.
    pub(super) fn listed(&self) -> bool {
        let first = self.with(|state| !std::mem::replace(&mut state.listed, true));
        self.progress.moved.notify_one();
        first
    }

    /// It has failed. Wakes the control loop if that is news.
    pub(super) fn failed(&self, error: &watcher::Error, changes: &Changes) {
        let news = self.with(|state| {
            let new = Some(problem(&state.resource, error));
            let news = state.problem != new;
            state.set_problem(new);
            news
        });
        if news {
            self.progress.moved.notify_one();
            changes.note(Touched::Nothing, false);
        }
    }

    fn with<T: Default>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.progress.lock().get_mut(self.number).map(act).unwrap_or_default()
    }
}

fn problem(resource: &str, error: &watcher::Error) -> (Problem, Why) {
    let (verb, status) = match error {
        watcher::Error::InitialListFailed(::kube::Error::Api(status)) => ("list", Some(status)),
        watcher::Error::WatchStartFailed(::kube::Error::Api(status))
        | watcher::Error::WatchFailed(::kube::Error::Api(status))
        | watcher::Error::WatchError(status) => ("watch", Some(status)),
        _ => ("read", None),
    };
    match status {
        Some(status) if status.code == 403 => {
            let message = format!("cannot {verb} {resource}: {}", status.message);
            let remedy = format!("grant the verbs list and watch on {resource} to the service account");
            (Problem::new(ORIGIN, message, remedy), Why::Denied)
        }
        Some(status) if status.code == 404 => {
            let message = format!("{resource} are not known there: {}", status.message);
            (Problem::new(ORIGIN, message, "use a Kubernetes version that has them"), Why::Denied)
        }
        None if let Some(defect) = unreadable(error) => {
            (Problem::new(ORIGIN, format!("cannot {verb} {resource}: {defect}"), KEPT), Why::Failed)
        }
        // Each kind says so at the same time: they are one problem.
        None => (Problem::new(ORIGIN, format!("cannot be reached: {}", cause(error)), KEPT), Why::Failed),
        Some(status) => {
            let message = format!("cannot {verb} {resource}: {} ({})", status.message, status.code);
            (Problem::new(ORIGIN, message, KEPT), Why::Failed)
        }
    }
}

const ORIGIN: &str = "API server";
const KEPT: &str = "what is known goes on being served, and it is tried again";

/// What is wrong with an answer that is not what it should be. Where, and no more: the words of the parser hold the value, which may be one
/// of a Secret.
fn unreadable(error: &watcher::Error) -> Option<String> {
    let (watcher::Error::InitialListFailed(::kube::Error::SerdeError(error))
    | watcher::Error::WatchStartFailed(::kube::Error::SerdeError(error))
    | watcher::Error::WatchFailed(::kube::Error::SerdeError(error))) = error
    else {
        return None;
    };
    Some(format!("the answer makes no sense at line {}, column {}", error.line(), error.column()))
}

/// The innermost reason: what is around it says only that a request has failed.
fn cause(error: &watcher::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
