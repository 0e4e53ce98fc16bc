//! Whether what comes from the server catches up with what was missed.

use std::time::Duration;

use ::kube::runtime::watcher::Event;
use tokio::time::Instant;

/// What is over sooner is no outage: a connection was cut, and the next one goes on where it ended.
const SHORT: Duration = Duration::from_secs(1);

/// What was missed comes within this time after the server is back; what comes later is new.
const CATCH_UP: Duration = Duration::from_secs(5);

/// Whether a reflector has something to catch up with.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    /// When the server was found back, if no event has said so.
    back: Option<Instant>,
    /// It lists again what it had listed before.
    lists_again: bool,
    listed: bool,
}

impl Outage {
    /// Notes that nothing comes any more.
    pub(super) fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        self.back = None;
    }

    /// Notes that the server is back, though it has nothing to say. True if it was away for long.
    pub(super) fn back(&mut self) -> bool {
        let Some(since) = self.since.filter(|_| self.back.is_none()) else { return false };
        self.back = Some(Instant::now());
        since.elapsed() > SHORT
    }

    /// True if the event is one of those that catch up.
    pub(super) fn hear<K>(&mut self, event: &Event<K>) -> bool {
        match event {
            Event::Init => {
                self.lists_again = self.listed;
                return false;
            }
            Event::InitApply(_) => return self.lists_again,
            Event::InitDone => self.listed = true,
            Event::Apply(_) | Event::Delete(_) => {}
        }
        let back = self.back.take().unwrap_or_else(Instant::now);
        let away = self.since.take().map(|since| back.duration_since(since));
        let missed = away.is_some_and(|away| away > SHORT) && back.elapsed() <= CATCH_UP;
        std::mem::take(&mut self.lists_again) || missed
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use tokio::time::advance;

    use super::*;

    fn change() -> Event<Service> {
        Event::Apply(Service::default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_an_outage_catches_up_once() {
        let mut outage = Outage::default();
        assert!(!outage.hear(&change()));
        outage.begin();
        advance(Duration::from_secs(60)).await;
        assert!(outage.hear(&change()));
        assert!(!outage.hear(&change()));
        outage.begin();
        advance(SHORT).await;
        assert!(!outage.hear(&change()), "too short");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_long_after_an_outage_is_new() {
        let mut outage = Outage::default();
        outage.begin();
        advance(Duration::from_secs(60)).await;
        assert!(outage.back());
        assert!(!outage.back(), "it is said once");
        advance(CATCH_UP).await;
        assert!(outage.hear(&change()));
        outage.begin();
        advance(Duration::from_secs(60)).await;
        outage.back();
        advance(Duration::from_secs(3600)).await;
        assert!(!outage.hear(&change()));
    }
}
