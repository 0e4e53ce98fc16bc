//! Closing a socket without losing the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::timer::Wait;

/// For how long, and for how much, a client is listened to after its answer (nginx: `lingering_timeout` 5 s).
const TIME: Duration = Duration::from_secs(5);
const BYTES: usize = 1 << 20;

/// Shuts the sending side, and then reads what the client still sends: were the socket closed while bytes are unread, the system would
/// reset the connection and the client might never see the answer.
#[derive(Debug, Default)]
pub(super) struct Linger {
    shut: bool,
    read: usize,
    wait: Wait,
}

impl Linger {
    /// Ready when the socket can be closed; `unread` says whether the client may still be sending.
    pub(super) fn poll_shutdown<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut T,
        unread: bool,
    ) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
            self.shut = true;
        }
        if !unread {
            return Poll::Ready(Ok(()));
        }
        let mut space = [0; 4096];
        while self.read < BYTES {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.read += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.wait.poll(cx, TIME).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_still_sends_is_listened_to_until_it_ends_or_the_time_is_up() {
        for ends in [true, false] {
            let (mut client, mut server) = duplex(64);
            let begun = Instant::now();
            let closing = tokio::spawn(async move {
                let mut linger = Linger::default();
                poll_fn(|cx| linger.poll_shutdown(cx, &mut server, true)).await.unwrap();
                // Only now is the socket closed.
                drop(server);
            });
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "the sending side is shut first");
            client.write_all(&[0; 1000]).await.unwrap();
            if ends {
                client.shutdown().await.unwrap();
            }
            closing.await.unwrap();
            assert_eq!(begun.elapsed(), if ends { Duration::ZERO } else { TIME });
        }
    }

    #[tokio::test]
    async fn without_unread_bytes_nothing_is_awaited() {
        let (_client, mut server) = duplex(64);
        poll_fn(|cx| Linger::default().poll_shutdown(cx, &mut server, false)).await.unwrap();
    }
}
