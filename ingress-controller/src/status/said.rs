//! Says a trouble once in a while, however often it comes back.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// What was said about one matter, and when.
#[derive(Debug, Default)]
pub(super) struct Said(HashMap<String, Instant>);

const AGAIN: Duration = Duration::from_secs(600);
/// More different troubles than this about one matter are said as if they were new.
const MOST: usize = 100;

impl Said {
    /// Logs `what: why` as a warning, unless the same reason was given in the last ten minutes.
    pub(super) fn trouble(&mut self, what: &str, why: &str) {
        if self.0.get(why).is_some_and(|said| said.elapsed() < AGAIN) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(why.to_owned(), Instant::now());
        tracing::warn!("{what}: {why}");
    }
}

/// How long to wait after so many failures in a row, with jitter so that replicas and objects do not come all at once.
pub(super) fn backoff(failures: u32, first: Duration, most: Duration) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(most).mul_f64(rand::random_range(0.5..1.0))
}
