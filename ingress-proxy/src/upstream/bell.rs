//! Hears of idle connections that are not silent any more.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use tokio::sync::Notify;

use super::pool::Endpoint;

/// What all idle connections to one endpoint wake: they own no task, and yet one that the endpoint closes is to be let go of at once.
#[derive(Debug)]
pub(super) struct Bell {
    clapper: Arc<Clapper>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Clapper(Notify);

impl Wake for Clapper {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

impl Default for Bell {
    fn default() -> Self {
        let clapper = Arc::new(Clapper::default());
        Self { waker: Waker::from(clapper.clone()), clapper }
    }
}

impl Bell {
    /// What an idle connection is to wake.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Sweeps an endpoint whenever the bell rings, until there is no such endpoint.
    pub(super) fn sweep(&self, endpoint: Weak<Endpoint>) {
        let clapper = self.clapper.clone();
        tokio::spawn(async move {
            loop {
                clapper.0.notified().await;
                let Some(endpoint) = endpoint.upgrade() else { return };
                endpoint.sweep_closed();
            }
        });
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.waker.wake_by_ref();
    }
}
