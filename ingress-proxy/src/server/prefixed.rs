//! A socket of which something was read already, and of which what is read may be kept.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives first what was read before, then what the socket gives.
#[derive(Debug)]
pub(super) struct Prefixed<T> {
    io: T,
    first: Vec<u8>,
    /// How much of `first` was given.
    given: usize,
    /// What was given, while it is to be kept.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
}

impl<T> Prefixed<T> {
    /// `first` was read from `io`.
    pub(super) fn new(io: T, first: Vec<u8>) -> Self {
        Self { io, first, given: 0, kept: None }
    }

    /// Keeps all that is read from now on; more than `limit` bytes are an error of the reader.
    pub(super) fn keep(&mut self, limit: usize) {
        self.kept = Some(Kept { bytes: Vec::new(), limit });
    }

    /// Keeps nothing any more.
    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// The socket, and all bytes that were read of it: those that were kept, and those that nobody has asked for yet.
    pub(super) fn into_parts(self) -> (T, Vec<u8>) {
        let mut bytes = self.kept.map(|kept| kept.bytes).unwrap_or_default();
        bytes.extend_from_slice(self.first.get(self.given..).unwrap_or_default());
        (self.io, bytes)
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = self.first.get(self.given..).unwrap_or_default();
        let (now, later) = rest.split_at_checked(buf.remaining()).unwrap_or((rest, &[]));
        buf.put_slice(now);
        self.given += now.len();
        if later.is_empty() {
            (self.first, self.given) = (Vec::new(), 0);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefixed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if this.first.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        } else {
            this.give(buf);
        }
        if let Some(kept) = &mut this.kept {
            kept.bytes.extend_from_slice(buf.filled().get(before..).unwrap_or_default());
            if kept.bytes.len() > kept.limit {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefixed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
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
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn every_byte_is_given_once_and_kept_once() {
        let mut io = Prefixed::new(&b" world"[..], b"hello".to_vec());
        io.keep(100);
        let mut four = [0; 4];
        io.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"hell");
        io.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"o wo");
        let (rest, kept) = io.into_parts();
        assert_eq!((rest, kept.as_slice()), (&b"rld"[..], &b"hello wo"[..]));
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_not_lost() {
        let mut io = Prefixed::new(&b"!"[..], b"hello".to_vec());
        io.keep(100);
        io.read_exact(&mut [0; 2]).await.unwrap();
        assert_eq!(io.into_parts().1, b"hello");
    }

    #[tokio::test]
    async fn no_more_is_kept_than_allowed() {
        let mut io = Prefixed::new(tokio::io::repeat(0), Vec::new());
        io.keep(10);
        io.read_exact(&mut [0; 10]).await.unwrap();
        assert!(io.read_exact(&mut [0; 1]).await.is_err());
        io.forget();
        io.read_exact(&mut [0; 100]).await.unwrap();
    }
}
