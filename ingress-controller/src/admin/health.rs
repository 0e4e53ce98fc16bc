//! Whether the controller serves, and the answers to probes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the probes are told. Shared by whoever knows and the admin port.
///
/// `/healthz` passes from the first configuration on until the shutdown begins. The chart of ingress-nginx uses it for both probes, and
/// its liveness probe gives up after about a minute: a controller that waits longer than that for an API server is restarted, as
/// ingress-nginx is. `/readyz` passes when, in addition, nothing is [waited for](Self::set_waiting).
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    waiting: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Serving,
    Ending,
    /// The control thread is gone: nothing that changes is served any more.
    Dead,
}

impl Health {
    /// True once the first configuration is served, false when the shutdown begins.
    pub(crate) fn set_serving(&self, serving: bool) {
        let mut state = self.state();
        if state.phase != Phase::Dead {
            state.phase = if serving { Phase::Serving } else { Phase::Ending };
        }
    }

    /// What keeps the controller from being ready, one line each, such as `cannot list services: forbidden`; empty when everything was
    /// read once. What is lost later is no reason: what is known is served on.
    pub(crate) fn set_waiting(&self, reasons: Vec<String>) {
        self.state().waiting = reasons;
    }

    /// For the control thread to hold: when it is dropped, by a panic too, all checks but `ping` fail.
    pub(crate) fn alive(self: &Arc<Self>) -> Alive {
        Alive(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checks of a probe.
    fn checks(&self, probe: Probe) -> Vec<Check> {
        let state = self.state();
        let serves = match state.phase {
            Phase::Starting => Some("does not serve yet"),
            Phase::Serving => None,
            Phase::Ending => Some("shutting down"),
            Phase::Dead => Some("the control thread has ended"),
        };
        let mut checks = vec![
            Check { name: "ping", failed: None },
            Check { name: "nginx-ingress-controller", failed: serves.map(Cow::Borrowed) },
        ];
        if probe == Probe::Ready {
            let failed = (!state.waiting.is_empty()).then(|| Cow::Owned(state.waiting.join("; ")));
            checks.push(Check { name: "sync", failed });
        }
        checks
    }

    /// The answer to a probe in the manner of Kubernetes' own: if it passed, and the text. `check` is what follows the probe's path, empty
    /// for all checks; `None` if there is no such check.
    pub(super) fn answer(&self, probe: Probe, check: &str, verbose: bool) -> Option<(bool, String)> {
        let mut checks = self.checks(probe);
        if !check.is_empty() {
            checks.retain(|one| one.name == check);
            return checks.pop().map(|check| match check.failed {
                None => (true, "ok".to_owned()),
                Some(reason) => (false, format!("{reason}\n")),
            });
        }
        let passed = checks.iter().all(|check| check.failed.is_none());
        if passed && !verbose {
            return Some((true, "ok".to_owned()));
        }
        let mut text: String = checks.iter().map(Check::line).collect();
        let end = if passed { "passed" } else { "failed" };
        text.push_str(&format!("{} check {end}\n", probe.name()));
        Some((passed, text))
    }
}

/// Held by the control thread; see [`Health::alive`].
#[derive(Debug)]
pub(crate) struct Alive(Arc<Health>);

impl Drop for Alive {
    fn drop(&mut self) {
        let mut state = self.0.state();
        // At the end of a shutdown that is no news.
        if state.phase != Phase::Ending {
            state.phase = Phase::Dead;
        }
    }
}

/// Which probe is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Healthy,
    Ready,
}

impl Probe {
    fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthz",
            Self::Ready => "readyz",
        }
    }
}

struct Check {
    name: &'static str,
    failed: Option<Cow<'static, str>>,
}

impl Check {
    fn line(&self) -> String {
        match &self.failed {
            None => format!("[+]{} ok\n", self.name),
            Some(reason) => format!("[-]{} failed: {reason}\n", self.name),
        }
    }
}
