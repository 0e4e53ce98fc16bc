//! Bytes both ways between two sockets, until both sides have ended.
//!
//! Nothing is held while nothing flows: bytes go through space on the stack, and only what the receiver does not take at once is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Traffic;
use crate::timer::Deadline;

/// How much is read at once, and so the most that is kept for a receiver that is slow.
const SPACE: usize = 32 * 1024;

/// How a relay ended.
#[derive(Debug)]
pub(super) enum End {
    /// Both sides have said all they had to say, and heard the other.
    Orderly,
    /// The endpoint has said all it had to say, and takes no more from a client that still sends.
    Early,
    /// No byte went either way for too long.
    Idle,
    /// A side broke off.
    Broken(io::Error),
}

/// Copies both ways, and passes the end of each side on to the other, until both have ended or no byte has gone for `idle`.
/// `first` are bytes of the client that were read already.
pub(super) async fn relay<C, E>(
    client: &mut C,
    endpoint: &mut E,
    first: Vec<u8>,
    idle: Duration,
    traffic: &mut Traffic,
) -> End
where
    C: AsyncRead + AsyncWrite + Unpin,
    E: AsyncRead + AsyncWrite + Unpin,
{
    traffic.received += first.len() as u64;
    let mut up = Way { kept: first, ..Way::default() };
    let mut down = Way::default();
    let mut last = Instant::now();
    let mut deadline = Deadline::default();
    poll_fn(|cx| {
        let before = (up.steps, down.steps);
        let rose = up.poll(cx, client, endpoint, &mut traffic.received);
        let fell = down.poll(cx, endpoint, client, &mut traffic.sent);
        if let (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) = (rose, fell) {
            return Poll::Ready(End::Broken(error));
        }
        match (&mut up.stage, &mut down.stage) {
            (Stage::Ended, Stage::Ended) => return Poll::Ready(End::Orderly),
            // A reset that was met in writing is not met again in reading: what then looks like the end is none.
            (Stage::Refused(error), Stage::Ended) if error.kind() != io::ErrorKind::ConnectionReset => {
                return Poll::Ready(End::Early);
            }
            (Stage::Refused(error), Stage::Ended | Stage::Refused(_))
            | (Stage::Ended, Stage::Refused(error)) => {
                return Poll::Ready(End::Broken(std::mem::replace(error, io::ErrorKind::BrokenPipe.into())));
            }
            _ => {}
        }
        if before != (up.steps, down.steps) {
            last = Instant::now();
        }
        deadline.poll(cx, last + idle).map(|()| End::Idle)
    })
    .await
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    stage: Stage,
    /// What the receiver has not taken yet, and how much of it has.
    kept: Vec<u8>,
    taken: usize,
    /// How often something has moved.
    steps: u64,
}

/// How far one direction has come.
#[derive(Debug, Default)]
enum Stage {
    /// Bytes may come.
    #[default]
    Open,
    /// The sender has ended; the receiver is to be told.
    Ending,
    /// The receiver knows.
    Ended,
    /// The receiver takes nothing any more. What it still sends is of use: the other direction goes on.
    Refused(io::Error),
}

impl Way {
    /// Moves what can be moved; ready with an error if the sender broke off, and otherwise when there is nothing left to move.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        count: &mut u64,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match self.stage {
                Stage::Ended | Stage::Refused(_) => return Poll::Ready(Ok(())),
                _ if self.taken < self.kept.len() => ready!(self.poll_kept(cx, to)),
                Stage::Ending => {
                    // A receiver that is gone already needs no telling.
                    let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.stage = Stage::Ended;
                }
                Stage::Open => *count += ready!(self.poll_more(cx, from, to))?,
            }
        }
    }

    /// Has the receiver take of what is kept.
    fn poll_kept<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<()> {
        let rest = self.kept.get(self.taken..).unwrap_or_default();
        let written = ready!(Pin::new(to).poll_write(cx, rest));
        self.note_written(written);
        if self.taken == self.kept.len() {
            (self.kept, self.taken) = (Vec::new(), 0);
        }
        Poll::Ready(())
    }

    /// Reads once, and hands on what came; ready with the number of bytes.
    fn poll_more<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut space = [const { MaybeUninit::uninit() }; SPACE];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(from).poll_read(cx, &mut read))?;
        self.steps += 1;
        let read = read.filled();
        if read.is_empty() {
            self.stage = Stage::Ending;
        } else if let Poll::Ready(written) = Pin::new(to).poll_write(cx, read) {
            self.note_written(written);
        }
        if matches!(self.stage, Stage::Open) {
            self.kept.extend_from_slice(read.get(self.taken..).unwrap_or_default());
            self.taken = 0;
        }
        Poll::Ready(Ok(read.len() as u64))
    }

    fn note_written(&mut self, written: io::Result<usize>) {
        self.steps += 1;
        match written {
            Ok(0) => self.refuse(io::ErrorKind::WriteZero.into()),
            Ok(taken) => self.taken += taken,
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&mut self, error: io::Error) {
        *self = Self { stage: Stage::Refused(error), steps: self.steps, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    /// A relay between two pipes that hold few bytes; gives the far ends, and how it ends.
    fn begin(first: &[u8]) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<(End, Traffic)>) {
        let ((client, mut near), (endpoint, mut far)) = (duplex(100), duplex(100));
        let first = first.to_vec();
        let relay = tokio::spawn(async move {
            let mut traffic = Traffic::default();
            (relay(&mut near, &mut far, first, IDLE, &mut traffic).await, traffic)
        });
        (client, endpoint, relay)
    }

    #[tokio::test(start_paused = true)]
    async fn much_goes_both_ways_past_slow_receivers() {
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let (client, endpoint, relay) = begin(b"first");
        let side = |io: DuplexStream, sent: Vec<u8>| async move {
            let (mut read, mut write) = tokio::io::split(io);
            let mut got = Vec::new();
            let (wrote, _) = tokio::join!(
                async {
                    write.write_all(&sent).await?;
                    write.shutdown().await
                },
                read.read_to_end(&mut got)
            );
            wrote.unwrap();
            got
        };
        let (down, up) = tokio::join!(side(client, sent.clone()), side(endpoint, sent.clone()));
        assert!(down == sent);
        assert!(up == [b"first", &sent[..]].concat());
        let (end, traffic) = relay.await.unwrap();
        assert!(matches!(end, End::Orderly), "{end:?}");
        assert_eq!((traffic.received, traffic.sent), (100_005, 100_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_has_ended_still_hears_the_other() {
        for client_first in [true, false] {
            let (client, endpoint, relay) = begin(b"");
            let (mut early, mut late) = if client_first { (client, endpoint) } else { (endpoint, client) };
            early.write_all(b"question").await.unwrap();
            early.shutdown().await.unwrap();
            let mut heard = Vec::new();
            late.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"question");
            late.write_all(b"answer").await.unwrap();
            late.shutdown().await.unwrap();
            let mut heard = Vec::new();
            early.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"answer");
            assert!(matches!(relay.await.unwrap().0, End::Orderly));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it_but_bytes_either_way_keep_it() {
        let (mut client, mut endpoint, relay) = begin(b"");
        let start = Instant::now();
        for _ in 0..3 {
            tokio::time::advance(IDLE * 5 / 6).await;
            endpoint.write_all(b"x").await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'x');
            tokio::time::advance(IDLE * 5 / 6).await;
            client.write_all(b"y").await.unwrap();
            assert_eq!(endpoint.read_u8().await.unwrap(), b'y');
        }
        assert!(matches!(relay.await.unwrap().0, End::Idle));
        assert_eq!(start.elapsed(), IDLE * 6);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_ended_and_left_has_answered_early() {
        let (mut client, mut endpoint, relay) = begin(b"");
        endpoint.write_all(b"enough").await.unwrap();
        drop(endpoint);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"enough");
        client.write_all(b"more").await.unwrap();
        assert!(matches!(relay.await.unwrap().0, End::Early));
    }
}
