//! Says a trouble once, however often it comes back.

use std::time::Duration;

use tokio::time::Instant;

/// The last thing that was said about one matter.
#[derive(Debug, Default)]
pub(super) struct Said(Option<String>);

impl Said {
    /// Logs `what: why` as a warning, unless that was the last thing said.
    pub(super) fn trouble(&mut self, what: &str, why: &str) {
        if self.0.as_deref() != Some(why) {
            tracing::warn!("{what}: {why}");
            self.0 = Some(why.to_owned());
        }
    }

    /// The trouble is over; the next one is said again.
    pub(super) fn over(&mut self) {
        self.0 = None;
    }
}

/// How long to wait after so many failures in a row, with jitter so that replicas and objects do not come all at once.
pub(super) fn backoff(failures: u32, first: Duration, most: Duration) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(most).mul_f64(rand::random_range(0.5..1.0))
}

/// The instant after such a wait.
pub(super) fn after(failures: u32, first: Duration, most: Duration) -> Instant {
    Instant::now() + backoff(failures, first, most)
}
