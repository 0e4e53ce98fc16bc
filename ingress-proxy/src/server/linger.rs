//! Closing a socket without losing the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::timer::Deadline;

/// For how long, and for how much, a client is listened to after its answer (nginx: `lingering_timeout` 5 s).
const TIME: Duration = Duration::from_secs(5);
const BYTES: usize = 1 << 20;

/// Shuts the sending side, and then reads what the client still sends: were the socket closed while bytes are unread, the system would
/// reset the connection and the client might never see the answer.
#[derive(Debug, Default)]
pub(super) struct Linger {
    since: Option<Instant>,
    read: usize,
    deadline: Deadline,
}

impl Linger {
    /// Ready when the socket can be closed; `unread` says whether the client may still be sending.
    pub(super) fn poll_shutdown<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
        unread: bool,
    ) -> Poll<io::Result<()>> {
        if self.since.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
            if !unread {
                return Poll::Ready(Ok(()));
            }
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let mut space = [0; 4096];
        while self.read < BYTES {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.read += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.deadline.poll(cx, since + TIME).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}
