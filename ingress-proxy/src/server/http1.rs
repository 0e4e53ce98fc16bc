//! A client's connection of HTTP/1: served by hyper while there is something to do, and kept without it while the client is silent.
//!
//! hyper holds two buffers of 8 KiB, and more, for as long as a connection lives. Most connections of clients are silent most of the time.
//! So a connection whose client has been silent for a while is taken out of hyper: the [`Transport`] stays, and waits by itself for what
//! comes next. The same before the first request. Parts of a head are awaited there, too.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1::{Builder, Parts, UpgradeableConnection};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drained::Drained;
use super::http::{Counted, HttpService, tell};
use super::lifecycle::Lifecycle;
use super::transport::Transport;
use crate::timer::Deadline;

/// For how long a client has to be silent before hyper's buffers are given up: much longer than between the requests of a client that is
/// busy, so that it never pays for making them anew.
const REST: Duration = Duration::from_secs(1);

pin_project! {
    /// Serves one connection to its end.
    #[must_use = "a connection is served only while this is polled"]
    pub(super) struct Serving<'d, T, S>
    where
        S: HttpService,
    {
        state: State<T, S>,
        lifecycle: Arc<Lifecycle>,
        rest: Rest,
        #[pin]
        drained: Drained<'d>,
    }
}

/// When a connection is taken out of hyper.
#[derive(Debug)]
struct Rest {
    after: Duration,
    deadline: Deadline,
}

impl Rest {
    /// Ready when nothing has been going on since then for long enough.
    fn poll(&mut self, cx: &mut Context<'_>, since: Instant) -> Poll<()> {
        self.deadline.poll(cx, since + self.after)
    }
}

type Served<T, S> = UpgradeableConnection<TokioIo<Transport<T>>, Counted<S>>;

enum State<T, S: HttpService> {
    /// Nothing of a request is there that hyper could read.
    Silent {
        transport: Transport<T>,
        service: Counted<S>,
    },
    /// In a box, so that a silent connection needs no room for it.
    Served {
        connection: Box<Served<T, S>>,
    },
    /// The client is gone, or was silent for too long.
    Closing {
        transport: Transport<T>,
    },
    Ended,
}

impl<'d, T, S> Serving<'d, T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    pub(super) fn new(
        transport: Transport<T>,
        service: Counted<S>,
        lifecycle: Arc<Lifecycle>,
        drain: &'d CancellationToken,
    ) -> Self {
        let after = REST.min(service.keep_alive());
        let state = State::Silent { transport, service };
        Self {
            state,
            lifecycle,
            rest: Rest { after, deadline: Deadline::default() },
            drained: Drained::new(drain),
        }
    }
}

impl<T, S> Future for Serving<'_, T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        this.drained.as_mut().watch(cx);
        loop {
            let step = ready!(match this.state {
                State::Silent { transport, .. } => transport.poll_silent(cx).map(after_silence),
                State::Served { connection } => poll_served(connection, this.lifecycle, this.rest, cx),
                // Whatever comes of it, the connection ends.
                State::Closing { transport } => Pin::new(transport).poll_shutdown(cx).map(|_| Step::End),
                State::Ended => return Poll::Ready(()),
            });
            if matches!(step, Step::Rest) {
                this.rest.deadline = Deadline::default();
            }
            *this.state = std::mem::replace(this.state, State::Ended).after(step);
        }
    }
}

/// What a connection does next.
#[derive(Debug)]
enum Step {
    /// There is something to read.
    Serve,
    /// There is nothing to do.
    Rest,
    /// The client is not to be waited for any longer.
    Close,
    /// hyper has ended it early.
    Fail(hyper::Error),
    End,
}

fn after_silence(awake: io::Result<bool>) -> Step {
    match awake {
        Ok(true) => Step::Serve,
        Ok(false) => Step::Close,
        Err(error) => {
            tracing::debug!(%error, "connection ended early");
            Step::End
        }
    }
}

/// Ready when hyper is done with the connection, or has had nothing to do with it for a while.
fn poll_served<T, S>(
    connection: &mut Served<T, S>,
    lifecycle: &Lifecycle,
    rest: &mut Rest,
    cx: &mut Context<'_>,
) -> Poll<Step>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let mut asked_again = false;
    loop {
        // To be said anew by the transport, in this very poll: then hyper has taken all that was read, and all that it wrote is with the
        // system.
        lifecycle.set_silent(false);
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            return Poll::Ready(ended.map_or_else(Step::Fail, |()| Step::End));
        }
        let at_once = lifecycle.is_draining() || lifecycle.is_too_narrow();
        let mut due = || at_once || rest.poll(cx, lifecycle.idle_since()).is_ready();
        if !lifecycle.is_idle() || !due() {
            return Poll::Pending;
        }
        if lifecycle.is_silent() {
            return Poll::Ready(Step::Rest);
        }
        // An answer may have ended just now, after hyper had asked for the next request.
        if std::mem::replace(&mut asked_again, true) {
            return Poll::Pending;
        }
    }
}

impl<T, S> State<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    fn after(self, step: Step) -> Self {
        match (self, step) {
            (Self::Silent { transport, service }, Step::Serve) => {
                let connection =
                    builder(transport.is_wide()).serve_connection(TokioIo::new(transport), service);
                Self::Served { connection: Box::new(connection.with_upgrades()) }
            }
            (Self::Silent { transport, .. }, Step::Close) => Self::Closing { transport },
            (Self::Served { connection }, Step::Rest) => match connection.into_parts() {
                Some(Parts { io, service, read_buf, .. }) if read_buf.is_empty() => {
                    Self::Silent { transport: io.into_inner(), service }
                }
                // Cannot be: the transport has seen hyper ask for more when it had nothing. Were it so, what was read must not begin anew.
                _ => Self::Ended,
            },
            (Self::Served { connection }, Step::Fail(error)) => {
                if let Some(parts) = connection.into_parts() {
                    tell(&error, &parts.service.proxy);
                }
                Self::Ended
            }
            _ => Self::Ended,
        }
    }
}

/// hyper's own timer is off: the [`Transport`] bounds each wait. With another limit for the fields than its own, hyper allocates room for as
/// many at each request, which is for `wide` heads only.
fn builder(wide: bool) -> Builder {
    let mut builder = Builder::new();
    builder.header_read_timeout(None).max_buf_size(64 * 1024);
    if wide {
        builder.max_headers(1000);
    }
    builder
}
