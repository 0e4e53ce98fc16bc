//! The streams of a connection of HTTP/2, each in a task of its own: one of which the client takes no more is given up.
//!
//! The socket tells nothing of that: a client can keep a window closed and the connection in use. hyper then asks neither the body of the
//! answer nor a timer, and the endpoint would be held for as long as the client likes.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::lifecycle::Lifecycle;
use crate::timer::Wait;

thread_local! {
    /// What the body of the answer said that was asked last, while a stream is polled.
    static SAID: Cell<Option<Said>> = const { Cell::new(None) };
}

/// What came of asking the body of an answer for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// There is more: if it is not asked again, the client has no room for it.
    More,
    /// There is nothing now, or nothing will be.
    Nothing,
}

/// To be told by the body of an answer whenever it was asked.
pub(super) fn note(said: Said) {
    SAID.set(Some(said));
}

/// Spawns the tasks of a connection.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    /// For how long a client may take no more of an answer.
    limit: Duration,
    lifecycle: Arc<Lifecycle>,
}

impl Streams {
    pub(super) fn new(limit: Duration, lifecycle: Arc<Lifecycle>) -> Self {
        Self { limit, lifecycle }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let all = self.clone();
        tokio::spawn(Stream { future, all, awaits_client: false, wait: Wait::default() });
    }
}

pin_project! {
    /// One stream. Dropped before its end it is reset, and what it holds of an endpoint is let go.
    struct Stream<F> {
        #[pin]
        future: F,
        all: Streams,
        awaits_client: bool,
        wait: Wait,
    }
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        SAID.set(None);
        if this.future.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if let Some(said) = SAID.take() {
            *this.awaits_client = said == Said::More;
            this.wait.over();
        }
        if !*this.awaits_client {
            return Poll::Pending;
        }
        ready!(this.wait.poll(cx, this.all.limit));
        if !this.all.lifecycle.is_full() {
            return Poll::Ready(());
        }
        // The streams share a socket that is slow. Whether the client takes anything at all is for the transport to judge.
        this.wait.over();
        this.wait.poll(cx, this.all.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{Instant, advance};

    use super::*;
    use crate::server::state::Open;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A stream whose body says this, each time that it is polled; nothing means that it is not asked.
    fn stream(mut said: impl FnMut() -> Option<Said>) -> Stream<impl Future<Output = ()>> {
        let future = poll_fn(move |_| {
            said().into_iter().for_each(note);
            Poll::Pending
        });
        let lifecycle = Arc::new(Lifecycle::new(Open::new(Arc::default())));
        Stream { future, all: Streams::new(LIMIT, lifecycle), awaits_client: false, wait: Wait::default() }
    }

    async fn is_pending(stream: &mut Pin<&mut Stream<impl Future<Output = ()>>>) -> bool {
        poll_fn(|cx| Poll::Ready(stream.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_more_is_awaited_so_long() {
        let mut says = [Some(Said::More)].into_iter();
        let start = Instant::now();
        stream(move || says.next().flatten()).await;
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_some_is_awaited_anew() {
        let mut stream = std::pin::pin!(stream(|| Some(Said::More)));
        for _ in 0..5 {
            assert!(is_pending(&mut stream).await);
            advance(LIMIT * 5 / 6).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_slow_is_not_the_fault_of_a_stream() {
        let mut says = [Some(Said::More)].into_iter();
        let mut stream = std::pin::pin!(stream(move || says.next().flatten()));
        let lifecycle = stream.all.lifecycle.clone();
        lifecycle.set_full(true);
        for _ in 0..5 {
            assert!(is_pending(&mut stream).await);
            advance(LIMIT * 5 / 6).await;
        }
        lifecycle.set_full(false);
        stream.await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_may_take_its_time() {
        let mut says = [Some(Said::More), Some(Said::Nothing)].into_iter();
        let mut stream = std::pin::pin!(stream(move || says.next().flatten()));
        for _ in 0..5 {
            assert!(is_pending(&mut stream).await);
            advance(LIMIT * 5 / 6).await;
        }
    }
}
