//! What goes to the endpoint next.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// How much memory is kept for the next head.
const KEPT: usize = 16 * 1024;

/// A head, or what stands before a piece of a body; the piece; and what ends it. It goes out in this order, together where the transport
/// can.
#[derive(Default)]
pub(super) struct Output {
    before: Vec<u8>,
    written: usize,
    piece: Bytes,
    after: &'static [u8],
    /// True if the transport may hold back what it has taken.
    unflushed: bool,
}

impl Output {
    /// Where to write what goes before the next piece of a body.
    pub(super) fn before(&mut self) -> &mut Vec<u8> {
        &mut self.before
    }

    /// Puts a piece of a body behind that. There must be [room](Self::has_room).
    pub(super) fn put(&mut self, piece: Bytes) {
        self.piece = piece;
    }

    /// Puts an end behind the piece.
    pub(super) fn end(&mut self, after: &'static [u8]) {
        self.after = after;
    }

    /// True if there is no piece.
    pub(super) fn has_room(&self) -> bool {
        self.piece.is_empty() && self.after.is_empty()
    }

    /// True if nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.is_taken() && !self.unflushed
    }

    /// True if the transport has taken all there was.
    fn is_taken(&self) -> bool {
        self.before.is_empty() && self.has_room()
    }

    /// Writes all there is. `touched` becomes true once the transport has taken a byte.
    ///
    /// # Errors
    /// Those of the transport.
    pub(super) fn poll_write<T>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
        touched: &mut bool,
    ) -> Poll<io::Result<()>>
    where
        T: AsyncWrite + Unpin,
    {
        while !self.is_taken() {
            let before = self.before.get(self.written..).unwrap_or_default();
            let parts = [IoSlice::new(before), IoSlice::new(&self.piece), IoSlice::new(self.after)];
            let io = Pin::new(&mut *io);
            // One part alone is cheaper to write as what it is.
            let written = match (before.len(), self.piece.len(), self.after.len()) {
                (_, 0, 0) => io.poll_write(cx, before),
                (0, _, 0) => io.poll_write(cx, &self.piece),
                _ => io.poll_write_vectored(cx, &parts),
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.advance(count),
            }
            (*touched, self.unflushed) = (true, true);
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, count: usize) {
        let of_before = count.min(self.before.len() - self.written);
        self.written += of_before;
        if self.written == self.before.len() {
            self.before.clear();
            self.written = 0;
        }
        let of_piece = (count - of_before).min(self.piece.len());
        self.piece.advance(of_piece);
        let of_after = count - of_before - of_piece;
        self.after = self.after.get(of_after..).unwrap_or_default();
        if self.piece.is_empty() {
            // It may be a part of a larger buffer.
            self.piece = Bytes::new();
        }
    }

    /// Drops what was not written, and memory that is seldom needed.
    pub(super) fn clear(&mut self) {
        self.before.clear();
        if self.before.capacity() > KEPT {
            self.before = Vec::new();
        }
        (self.written, self.piece, self.after, self.unflushed) = (0, Bytes::new(), &[], false);
    }
}

/// Without what is sent: there are cookies and credentials in it.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_out_in_order_however_they_are_cut() {
        for step in 1..10 {
            let mut output = Output::default();
            output.before().extend_from_slice(b"head");
            output.put(Bytes::from_static(b"piece"));
            output.end(b"\r\n");
            let mut left = 11;
            while left > 0 {
                let count = step.min(left);
                assert!(!output.is_empty());
                output.advance(count);
                left -= count;
                assert_eq!(output.has_room(), left == 0);
            }
            assert!(output.is_empty(), "{step}");
        }
    }
}
