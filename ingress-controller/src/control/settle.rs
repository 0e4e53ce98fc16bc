//! Waiting for quiet: one change seldom comes alone.

use tokio::time::{Instant, sleep_until};

use crate::source::Source;

/// Waits for a change, and then until the changes pause as the source asks for, but not past its limit: as it asked for last. Never ends before `rested`, so
/// that changes that never pause do not take all of the thread.
pub(super) async fn settle<S: Source>(source: &mut S, rested: Instant) {
    let mut pace = source.changed().await;
    let start = Instant::now();
    loop {
        let until = (start + pace.most).min(Instant::now() + pace.quiet).max(rested);
        tokio::select! {
            // In this order: a source that never rests must not put it off for ever.
            biased;
            () = sleep_until(until) => return,
            more = source.changed() => pace = more,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ingress_core::Objects;
    use tokio::time::{advance, interval};

    use super::*;
    use crate::source::{Loaded, Pace};

    const PACE: Pace = Pace { quiet: Duration::from_millis(50), most: Duration::from_millis(500) };

    /// Changes at fixed times after the start.
    struct Timed {
        start: Instant,
        at: Vec<u64>,
        /// That of the last one, if it is another.
        last: Option<Pace>,
        objects: Objects,
    }

    impl Source for Timed {
        async fn changed(&mut self) -> Pace {
            match self.at.is_empty() {
                true => std::future::pending().await,
                false => {
                    sleep_until(self.start + Duration::from_millis(self.at[0])).await;
                    self.at.remove(0);
                    self.last.filter(|_| self.at.is_empty()).unwrap_or(PACE)
                }
            }
        }

        fn load(&mut self) -> Loaded {
            Loaded::default()
        }

        fn objects(&mut self) -> &mut Objects {
            &mut self.objects
        }
    }

    async fn settled_after(at: Vec<u64>) -> u64 {
        settled_and_rested(at, Duration::ZERO).await
    }

    async fn settled_and_rested(at: Vec<u64>, rest: Duration) -> u64 {
        let start = Instant::now();
        settle(&mut Timed { start, at, last: None, objects: Objects::default() }, start + rest).await;
        u64::try_from(start.elapsed().as_millis()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_it() {
        assert_eq!(settled_after(vec![1000]).await, 1050);
        assert_eq!(settled_after(vec![1000, 1040, 1080]).await, 1130);
        assert_eq!(settled_after(vec![1000, 1060]).await, 1050);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_pace_holds() {
        let start = Instant::now();
        let last = Some(Pace { quiet: Duration::from_millis(5), ..PACE });
        settle(&mut Timed { start, at: vec![1000, 1010], last, objects: Objects::default() }, start).await;
        assert_eq!(start.elapsed().as_millis(), 1015);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_though_changes_never_do() {
        assert_eq!(settled_after((0..200).map(|step| 1000 + 10 * step).collect()).await, 1500);
    }

    #[tokio::test(start_paused = true)]
    async fn it_rests_before_it_works_again() {
        assert_eq!(settled_and_rested(vec![1000], Duration::from_millis(1200)).await, 1200);
        assert_eq!(settled_and_rested(vec![1000], Duration::from_millis(900)).await, 1050);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_happens_without_a_change() {
        let mut tick = interval(Duration::from_secs(3600));
        tick.tick().await;
        tokio::select! {
            after = settled_after(Vec::new()) => panic!("settled after {after} ms"),
            _ = tick.tick() => {}
        }
        advance(Duration::from_secs(1)).await;
    }
}
