//! Bytes both ways, until one side has had enough.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::record::Record;

/// Copies until both sides have closed, or for `idle` no byte has gone either way. What goes is counted in the record.
pub(super) async fn tunnel<A, B>(client: A, mut endpoint: B, idle: Duration, record: Option<Box<Record>>)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (active, mut last) = watch::channel(Instant::now());
    let mut client = Watched { io: client, active, record };
    let watch = async {
        loop {
            let deadline = *last.borrow_and_update() + idle;
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    };
    tokio::select! {
        ended = copy_bidirectional(&mut client, &mut endpoint) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a tunnel broke");
            }
        }
        () = watch => tracing::debug!("a tunnel was idle for too long"),
    }
    // Lets the side that is still there see an orderly end.
    let soon = Instant::now() + Duration::from_secs(1);
    let _ = timeout_at(soon, tokio::io::AsyncWriteExt::shutdown(&mut endpoint)).await;
}

/// Notes when bytes last came or went.
struct Watched<T> {
    io: T,
    active: watch::Sender<Instant>,
    record: Option<Box<Record>>,
}

impl<T> Watched<T> {
    fn note<R>(&self, done: Poll<R>) -> Poll<R> {
        if done.is_ready() {
            self.active.send_replace(Instant::now());
        }
        done
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let Some(record) = &mut self.record {
            record.received((buf.filled().len() - before) as u64);
        }
        self.note(read)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        if let (Some(record), Poll::Ready(Ok(bytes))) = (&mut self.record, &written) {
            record.sent(*bytes);
        }
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_tunnel_lives_and_an_idle_one_ends() {
        let ((mut a, client), (mut b, endpoint)) = (duplex(64), duplex(64));
        let start = Instant::now();
        let tunnel = tokio::spawn(tunnel(client, endpoint, Duration::from_secs(60), None));
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(50)).await;
            b.write_all(b"x").await.unwrap();
            assert_eq!(a.read_u8().await.unwrap(), b'x');
        }
        tunnel.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 150 + 60);
    }
}
