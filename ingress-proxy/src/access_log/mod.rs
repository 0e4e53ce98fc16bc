//! The access log: a line for each request, and one for each connection or session of a stream, as ingress-nginx writes it by default.
//!
//! Each worker formats its lines into a buffer of its own, and one thread writes the buffers out. A sink that is slow or stuck costs
//! lines, which are counted, but never a request its time.

mod line;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use self::line::Clock;
use self::writer::{Buffer, Writer};
use crate::observe::{Finished, FinishedStream, Observer};

/// How long the last lines may take when nobody holds the log any more.
const LAST_LINES: Duration = Duration::from_secs(5);

/// An access log. Clones are the same log.
///
/// It ends with its last clone and observer; the lines that are left are then written within five seconds, or lost.
#[derive(Debug, Clone)]
pub struct AccessLog {
    open: Arc<Open>,
}

/// What the clones share.
#[derive(Debug)]
struct Open {
    writer: Arc<Writer>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.writer.end(LAST_LINES);
    }
}

impl AccessLog {
    /// A log that is written to `sink`, by a thread of its own: about twenty times a second, more often only where there is much.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn new(sink: impl Write + Send + 'static) -> io::Result<Self> {
        Ok(Self { open: Arc::new(Open { writer: Writer::start(sink)? }) })
    }

    /// An observer that writes to this log: for [`Server::observe`](crate::Server::observe) one for each worker, or for
    /// [`Proxy::with_observer`](crate::Proxy::with_observer).
    #[must_use]
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(Lines {
            buffer: self.open.writer.buffer(),
            open: self.open.clone(),
            clock: Clock::default(),
        })
    }

    /// How many lines were dropped, because the sink was too slow or failed.
    pub fn dropped(&self) -> u64 {
        self.open.writer.dropped()
    }

    /// Has everything written that was logged before; false if that takes longer than `patience`. Blocks the thread.
    pub fn flush(&self, patience: Duration) -> bool {
        self.open.writer.flush(patience)
    }
}

/// The observer of one worker.
#[derive(Debug)]
struct Lines {
    buffer: Arc<Buffer>,
    open: Arc<Open>,
    clock: Clock,
}

impl Observer for Lines {
    fn finished(&mut self, request: &Finished<'_>) {
        if request.log {
            let time = self.clock.now();
            self.open.writer.add(&self.buffer, |lines| line::write(lines, time, request));
        }
    }

    fn only_logged(&self) -> bool {
        true
    }

    fn stream_finished(&mut self, stream: &FinishedStream<'_>) {
        if stream.log {
            let time = self.clock.now();
            self.open.writer.add(&self.buffer, |lines| line::write_stream(lines, time, stream));
        }
    }
}
