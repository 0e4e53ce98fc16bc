//! Deadlines that cost nothing while they are not reached.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that may move with every request. The timer behind it is set once and looked at again only when it fires: moving the
/// deadline to a later time touches no timer wheel.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Ready once `deadline` has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// How long one thing has been awaited.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    since: Option<Instant>,
    deadline: Deadline,
}

impl Wait {
    /// To be asked whenever the thing is not there yet; ready once it has been awaited for `limit`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.deadline.poll(cx, since + limit)
    }

    /// The thing is there.
    pub(crate) fn over(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn is_pending(deadline: &mut Deadline, at: Instant) -> bool {
        poll_fn(|cx| Poll::Ready(deadline.poll(cx, at).is_pending())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_can_move_both_ways() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadline = Deadline::default();
        assert!(is_pending(&mut deadline, at(10)).await);
        assert!(is_pending(&mut deadline, at(100)).await);
        poll_fn(|cx| deadline.poll(cx, at(20))).await;
        assert_eq!(start.elapsed().as_secs(), 20);
        poll_fn(|cx| deadline.poll(cx, at(30))).await;
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(is_pending(&mut deadline, at(90)).await);
        poll_fn(|cx| deadline.poll(cx, at(40))).await;
        assert_eq!(start.elapsed().as_secs(), 40);
    }
}
