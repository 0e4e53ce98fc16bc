//! QUIC as h3 sees it, with a limit on what it must hold.
//!
//! h3 reads a frame as a whole before it looks at it, however long its sender says that it is. So every stream is read along here, and the
//! connection ends when a frame other than DATA is too long.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, OpenStreams, StreamErrorIncoming, StreamId, WriteBuf};

type SendStream = h3_quinn::SendStream<Bytes>;

/// How long a frame other than DATA may be: twice what a head may be when it is decoded.
const LONGEST: u64 = 64 * 1024;
/// Frames of type DATA (RFC 9114, section 7.2.1).
const DATA: u64 = 0;
/// The type of the control stream (section 6.2.1).
const CONTROL: u64 = 0;

/// Reads frames along, as far as their lengths.
#[derive(Debug, Default)]
struct Frames {
    number: Number,
    /// The type of the frame whose length is to come.
    kind: Option<u64>,
    /// How much of the frame is to come.
    left: u64,
}

/// A number of variable length in the making (RFC 9000, section 16).
#[derive(Debug, Default)]
struct Number {
    value: u64,
    missing: u8,
}

/// A frame is too long.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of type {kind} is {length} bytes long")]
struct TooLong {
    kind: u64,
    length: u64,
}

impl Number {
    fn push(&mut self, byte: u8) -> Option<u64> {
        if self.missing == 0 {
            self.missing = 1 << (byte >> 6);
            self.value = u64::from(byte & 0x3f);
        } else {
            self.value = self.value << 8 | u64::from(byte);
        }
        self.missing -= 1;
        (self.missing == 0).then_some(self.value)
    }
}

impl Frames {
    fn read(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len() as u64);
                self.left -= skipped;
                bytes = bytes.get(usize::try_from(skipped).unwrap_or(usize::MAX)..).unwrap_or_default();
                continue;
            }
            bytes = rest;
            let Some(number) = self.number.push(*first) else { continue };
            match self.kind.take() {
                None => self.kind = Some(number),
                Some(kind) if kind != DATA && number > LONGEST => {
                    return Err(TooLong { kind, length: number });
                }
                Some(_) => self.left = number,
            }
        }
        Ok(())
    }
}

/// What comes on a stream that the client has opened.
#[derive(Debug)]
enum Content {
    /// Frames.
    Frames(Frames),
    /// A stream in one direction, whose type is to come.
    Typed(Number),
    /// h3 reads none of it.
    Other,
}

impl Content {
    fn read(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Self::Typed(number) = self {
            let Some((first, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            match number.push(*first) {
                Some(CONTROL) => *self = Self::Frames(Frames::default()),
                Some(_) => *self = Self::Other,
                None => {}
            }
        }
        match self {
            Self::Frames(frames) => frames.read(bytes),
            _ => Ok(()),
        }
    }
}

/// What a stream has given, if that may pass.
fn pass(
    content: &mut Content,
    read: Result<Option<Bytes>, StreamErrorIncoming>,
) -> Result<Option<Bytes>, StreamErrorIncoming> {
    let read = read?;
    match content.read(read.as_deref().unwrap_or_default()) {
        Ok(()) => Ok(read),
        Err(error) => Err(StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: ConnectionErrorIncoming::InternalError(error.to_string()),
        }),
    }
}

/// A connection.
pub(super) struct Connection {
    inner: h3_quinn::Connection,
}

/// A stream in both directions.
pub(super) struct BidiStream {
    inner: h3_quinn::BidiStream<Bytes>,
    content: Content,
}

/// What comes on a stream.
pub(super) struct RecvStream {
    inner: h3_quinn::RecvStream,
    content: Content,
}

/// What opens streams of ours.
pub(super) struct Opener {
    inner: h3_quinn::OpenStreams,
}

impl Connection {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        Self { inner: h3_quinn::Connection::new(connection) }
    }
}

impl BidiStream {
    fn new(inner: h3_quinn::BidiStream<Bytes>) -> Self {
        Self { inner, content: Content::Frames(Frames::default()) }
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionErrorIncoming>> {
        let inner = ready!(quic::Connection::<Bytes>::poll_accept_recv(&mut self.inner, cx))?;
        Poll::Ready(Ok(RecvStream { inner, content: Content::Typed(Number::default()) }))
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, ConnectionErrorIncoming>> {
        let inner = ready!(quic::Connection::<Bytes>::poll_accept_bidi(&mut self.inner, cx))?;
        Poll::Ready(Ok(BidiStream::new(inner)))
    }

    fn opener(&self) -> Opener {
        Opener { inner: quic::Connection::<Bytes>::opener(&self.inner) }
    }
}

impl OpenStreams<Bytes> for Connection {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_bidi(&mut self.inner, cx).map_ok(BidiStream::new)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.inner.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.inner, code, reason);
    }
}

impl OpenStreams<Bytes> for Opener {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_bidi(&mut self.inner, cx).map_ok(BidiStream::new)
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.inner.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.inner, code, reason);
    }
}

impl quic::BidiStream<Bytes> for BidiStream {
    type SendStream = SendStream;
    type RecvStream = RecvStream;

    fn split(self) -> (SendStream, RecvStream) {
        let (send, inner) = self.inner.split();
        (send, RecvStream { inner, content: self.content })
    }
}

impl quic::RecvStream for BidiStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = ready!(self.inner.poll_data(cx));
        Poll::Ready(pass(&mut self.content, read))
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.inner.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.inner.recv_id()
    }
}

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = ready!(self.inner.poll_data(cx));
        Poll::Ready(pass(&mut self.content, read))
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.inner.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.inner.recv_id()
    }
}

impl quic::SendStream<Bytes> for BidiStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.inner.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.inner.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.inner.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.inner.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.inner.send_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of 1, 2 and 4 bytes (RFC 9000, appendix A.1).
    const SMALL: &[u8] = &[0x25];
    const MIDDLE: &[u8] = &[0x7b, 0xbd];
    const LARGE: &[u8] = &[0x9d, 0x7f, 0x3e, 0x7d];

    /// Reads bytes in pieces of each size.
    fn read(bytes: &[u8], content: fn() -> Content) -> Result<(), TooLong> {
        let sizes = [1, 2, 3, 1000];
        let results = sizes.map(|size| {
            let mut content = content();
            bytes.chunks(size).try_for_each(|piece| content.read(piece))
        });
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        results.into_iter().next().unwrap()
    }

    fn frames() -> Content {
        Content::Frames(Frames::default())
    }

    #[test]
    fn numbers_are_read() {
        for (bytes, value) in [(SMALL, 37), (MIDDLE, 15_293), (LARGE, 494_878_333)] {
            let mut number = Number::default();
            assert_eq!(bytes.iter().find_map(|byte| number.push(*byte)), Some(value));
        }
    }

    #[test]
    fn data_may_be_long_and_other_frames_may_not() {
        let head = [&[1][..], MIDDLE, &[0xff; 15_293]].concat();
        assert_eq!(read(&[&head, &[0][..], LARGE, &[0xff; 5000]].concat(), frames), Ok(()));
        // Unknown ones neither.
        for kind in [&[1][..], &[4], MIDDLE] {
            let bytes = [&head, &[0][..], SMALL, &[0xff; 37], kind, LARGE].concat();
            assert_eq!(read(&bytes, frames).unwrap_err().length, 494_878_333);
        }
    }

    #[test]
    fn of_one_way_streams_only_the_control_stream_has_frames() {
        let typed = || Content::Typed(Number::default());
        assert!(read(&[&[0, 4][..], LARGE].concat(), typed).is_err());
        assert_eq!(read(&[&[0, 4][..], SMALL, &[0xff; 37], &[7, 1, 0]].concat(), typed), Ok(()));
        assert_eq!(read(&[&[2, 4][..], LARGE].concat(), typed), Ok(()));
    }
}
