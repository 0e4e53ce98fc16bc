//! What has changed since the control loop looked last.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::source::{Pace, Touched};

/// A change in a running cluster: taken up almost at once, since what belongs together comes in one burst.
const SOON: Pace = Pace { quiet: Duration::from_millis(3), most: Duration::from_millis(30) };

/// The first changes after an outage: each kind catches up on its own, and what belongs together may come in any order.
const AFTER_OUTAGE: Pace = Pace { quiet: Duration::from_millis(200), most: Duration::from_secs(5) };

/// What has changed. Filled by the reflectors, emptied by the control loop.
#[derive(Debug, Default)]
pub(super) struct Changes {
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug)]
struct Held {
    touched: Touched,
    /// How they are to be taken up.
    pace: Option<Pace>,
    /// There are changes that nobody has waited for yet.
    is_news: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self { touched: Touched::Nothing, pace: None, is_news: false }
    }
}

impl Held {
    fn wait(&mut self) -> Option<Pace> {
        std::mem::take(&mut self.is_news).then_some(self.pace).flatten()
    }
}

impl Changes {
    /// Notes a change.
    pub(super) fn note(&self, touched: Touched, after_outage: bool) {
        let pace = if after_outage { AFTER_OUTAGE } else { SOON };
        let mut held = self.lock();
        held.touched = std::mem::replace(&mut held.touched, Touched::Nothing).and(touched);
        held.pace = Some(held.pace.map_or(pace, |other| other.and(pace)));
        held.is_news = true;
        drop(held);
        self.changed.notify_one();
    }

    /// Waits until something has been noted since the last wait, and says how all that was noted since the last take is to be taken up.
    pub(super) async fn wait(&self) -> Pace {
        loop {
            let changed = self.changed.notified();
            if let Some(pace) = self.lock().wait() {
                return pace;
            }
            changed.await;
        }
    }

    /// What has changed since the last time.
    pub(super) fn take(&self) -> Touched {
        std::mem::take(&mut *self.lock()).touched
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ingress_core::ObjectName;

    use super::*;

    fn endpoints(name: &str) -> Touched {
        let name = ObjectName { namespace: "shop".into(), name: name.into() };
        Touched::Endpoints(BTreeSet::from([name]))
    }

    #[tokio::test]
    async fn changes_add_up_until_they_are_taken() {
        let changes = Changes::default();
        changes.note(endpoints("a"), false);
        changes.note(endpoints("b"), true);
        assert_eq!(changes.wait().await, AFTER_OUTAGE);
        // One that is soon does not make the others so.
        changes.note(endpoints("a"), false);
        assert_eq!(changes.wait().await, AFTER_OUTAGE);
        assert_eq!(changes.take(), endpoints("a").and(endpoints("b")));
        assert_eq!(changes.take(), Touched::Nothing);
        changes.note(endpoints("a"), false);
        changes.note(Touched::All, false);
        assert_eq!(changes.wait().await, SOON);
        assert_eq!(changes.take(), Touched::All);
    }
}
