//! How a connection learns that a drain begins.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

pin_project! {
    /// Has a task polled once more when a drain begins. Whether it has begun is told by the flag beside the token
    /// ([`Lifecycle::is_draining`](super::lifecycle::Lifecycle::is_draining)), which costs nothing to ask.
    #[derive(Debug)]
    pub(super) struct Drained<'d> {
        #[pin]
        begun: WaitForCancellationFuture<'d>,
        watched: bool,
    }
}

impl<'d> Drained<'d> {
    pub(super) fn new(drain: &'d CancellationToken) -> Self {
        Self { begun: drain.cancelled(), watched: false }
    }

    /// To be called whenever the task is polled, before the flag is asked. Only the first call costs something: each further one would take
    /// two locks to learn nothing, and the task that is to be woken stays the same.
    pub(super) fn watch(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let this = self.project();
        if !*this.watched {
            *this.watched = true;
            // If it has begun already, the flag says so.
            let _ = this.begun.poll(cx);
        }
    }
}
