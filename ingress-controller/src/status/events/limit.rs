//! How many events may be made: as with client-go, 25 at once for each object and then one every five minutes; and so many a second in all.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_secs(300);
/// Of so many objects it is remembered how many events they had.
const MOST: usize = 4096;

/// What is left for each object.
#[derive(Debug, Default)]
pub(super) struct Limit(HashMap<String, (f64, Instant)>);

impl Limit {
    /// True if an event may be made for this object now, which is then counted.
    pub(super) fn take(&mut self, object: &str) -> bool {
        let now = Instant::now();
        if self.0.len() >= MOST && !self.0.contains_key(object) {
            // Those that are full again need not be remembered; else the oldest goes.
            self.0.retain(|_, (left, at)| refilled(*left, *at, now) < BURST);
            if self.0.len() >= MOST {
                let oldest = self.0.iter().min_by_key(|(_, (_, at))| *at).map(|(object, _)| object.clone());
                oldest.map(|oldest| self.0.remove(&oldest));
            }
        }
        let (left, at) = self.0.entry(object.to_owned()).or_insert((BURST, now));
        *left = refilled(*left, *at, now);
        *at = now;
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }
}

fn refilled(left: f64, at: Instant, now: Instant) -> f64 {
    (left + now.duration_since(at).as_secs_f64() / REFILL.as_secs_f64()).min(BURST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_a_trickle_for_each_object() {
        let mut limit = Limit::default();
        let mut many = |object: &str| (0..100).filter(|_| limit.take(object)).count();
        assert_eq!((many("a"), many("b"), many("a")), (25, 25, 0));
        tokio::time::advance(REFILL * 2).await;
        assert_eq!(many("a"), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_grow_for_ever() {
        let mut limit = Limit::default();
        for object in 0..MOST + 500 {
            assert!(limit.take(&object.to_string()));
        }
        assert!(limit.0.len() <= MOST);
    }
}
