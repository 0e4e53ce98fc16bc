//! What can go wrong with an API server, on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::shared::Shared;
use super::status::Failure;
use crate::within;

/// Failures to come.
#[derive(Debug)]
struct Planned {
    resource: String,
    status: u16,
    left: usize,
}

/// The state of the faults.
#[derive(Debug)]
pub(crate) struct Switches {
    hang: watch::Sender<bool>,
    /// Whether the port is to be open, and whether it is.
    pub(crate) wanted: watch::Sender<bool>,
    pub(crate) open: watch::Sender<bool>,
    delay: Mutex<Duration>,
    planned: Mutex<Vec<Planned>>,
}

impl Switches {
    pub(crate) fn new() -> Self {
        Self {
            hang: watch::Sender::new(false),
            wanted: watch::Sender::new(true),
            open: watch::Sender::new(true),
            delay: Mutex::default(),
            planned: Mutex::default(),
        }
    }

    /// Waits for as long as the server hangs.
    pub(crate) async fn hung(&self) {
        let _ = self.hang.subscribe().wait_for(|hangs| !hangs).await;
    }

    /// Waits as long as an answer has to.
    pub(crate) async fn delay(&self) {
        self.hung().await;
        let delay = *self.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    /// The failure that was planned for this request, if any.
    pub(crate) fn planned(&self, resource: &str) -> Result<(), Failure> {
        let mut planned = self.planned.lock().unwrap();
        let next = planned
            .iter_mut()
            .find(|plan| plan.left > 0 && (plan.resource == "*" || plan.resource == resource));
        let Some(plan) = next else { return Ok(()) };
        plan.left -= 1;
        let (reason, message) = match plan.status {
            401 => ("Unauthorized", "Unauthorized"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred: a test wants it so"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("", "a test wants it so"),
        };
        let mut failure = Failure::new(plan.status, reason, message);
        failure.retry_after = (failure.code == 429).then_some(1);
        planned.retain(|plan| plan.left > 0);
        Err(failure)
    }
}

/// The switches, in the hands of a test.
#[derive(Debug, Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Closes the port and cuts all connections. Afterwards connections are refused. Objects and history stay.
    pub async fn stop(&self) {
        self.shared.switches.wanted.send_replace(false);
        let _ = within("the port to be closed", self.shared.switches.open.subscribe().wait_for(|open| !open))
            .await;
    }

    /// Opens the port again, with the same number.
    pub async fn resume(&self) {
        self.shared.switches.wanted.send_replace(true);
        let _ =
            within("the port to be open", self.shared.switches.open.subscribe().wait_for(|open| *open)).await;
    }

    /// While true, connections are accepted and nothing is answered or told to watches. What was asked meanwhile is answered afterwards.
    pub fn hang(&self, hangs: bool) {
        self.shared.switches.hang.send_replace(hangs);
    }

    /// Delays every answer by so much; watches wait once, for their head.
    pub fn slow(&self, delay: Duration) {
        *self.shared.switches.delay.lock().unwrap() = delay;
    }

    /// Answers the next `requests` for `resource` (a plural, with `/status` for the subresource; `*` for any) with this status. 429 comes
    /// with `Retry-After: 1`.
    pub fn fail(&self, requests: usize, resource: &str, status: u16) {
        let plan = Planned { resource: resource.to_owned(), status, left: requests };
        self.shared.switches.planned.lock().unwrap().push(plan);
    }

    /// No request fails any longer because of [`fail`](Self::fail).
    pub fn mend(&self) {
        self.shared.switches.planned.lock().unwrap().clear();
    }

    /// Forgets all history: running watches end with 410, and so does every watch or list that goes on from a version known so far.
    pub fn expire_history(&self) {
        self.shared.change(super::store::Store::expire);
    }

    /// Cuts the connections of all watches.
    pub fn drop_watches(&self) {
        self.shared.signal.send_modify(|signal| signal.drops += 1);
    }

    /// Sends a bookmark to all watches that want some. Without this there is one a minute, and one at the end.
    pub fn send_bookmarks(&self) {
        self.shared.signal.send_modify(|signal| signal.bookmarks += 1);
    }
}
