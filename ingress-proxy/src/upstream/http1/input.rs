//! What has come from the endpoint and has not been used yet.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// How much is read at once at first, and at least.
const LEAST: usize = 8 * 1024;
/// How much is read at once at most: with large bodies, fewer system calls.
const MOST: usize = 256 * 1024;

/// A read buffer that follows the size of what comes: it doubles with each read that fills it, and halves after two that leave most of it
/// empty.
pub(super) struct Input {
    bytes: BytesMut,
    next: usize,
    was_small: bool,
}

impl Input {
    pub(super) fn new() -> Self {
        Self { bytes: BytesMut::new(), next: LEAST, was_small: false }
    }

    /// Reads once. Ready with the number of bytes; none is the end.
    ///
    /// # Errors
    /// Those of the transport.
    pub(super) fn poll_fill<T>(&mut self, io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        T: AsyncRead + Unpin,
    {
        if self.bytes.capacity() - self.bytes.len() < self.next {
            self.bytes.reserve(self.next);
        }
        let read = ready!(poll_read_buf(Pin::new(io), cx, &mut self.bytes))?;
        self.adapt(read);
        Poll::Ready(Ok(read))
    }

    fn adapt(&mut self, read: usize) {
        let is_small = read < self.next / 2;
        if read >= self.next {
            self.next = (self.next * 2).min(MOST);
        } else if is_small && self.was_small {
            self.next = (self.next / 2).max(LEAST);
        }
        self.was_small = is_small && !self.was_small;
    }

    /// Gives the memory back, as far as nobody else holds it. To be called when there are no bytes.
    pub(super) fn shrink(&mut self) {
        if self.bytes.is_empty() {
            *self = Self::new();
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Drops the first `count` bytes.
    pub(super) fn skip(&mut self, count: usize) {
        self.bytes.advance(count.min(self.bytes.len()));
    }

    /// The first `count` bytes, to be held for longer than a body is. They are parts of the buffer only while it is small: somebody may hold
    /// a single field of many heads.
    pub(super) fn take_head(&mut self, count: usize) -> Bytes {
        let head = self.take(count);
        if self.next > LEAST { Bytes::copy_from_slice(&head) } else { head }
    }

    /// The first `count` bytes, or all if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.bytes.len());
        self.bytes.split_to(count).freeze()
    }
}

/// Without what has come: there are cookies in it.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_follows_what_comes() {
        let mut input = Input::new();
        let mut after = |read| {
            input.adapt(read);
            input.next
        };
        assert_eq!([after(8192), after(16384), after(100)], [16384, 32768, 32768]);
        assert_eq!([after(100), after(20000), after(100), after(100)], [16384, 32768, 32768, 16384]);
        assert_eq!([after(1), after(1), after(1), after(1)], [16384, 8192, 8192, 8192]);
        assert_eq!((0..20).map(|_| after(usize::MAX)).last(), Some(MOST));
    }
}
