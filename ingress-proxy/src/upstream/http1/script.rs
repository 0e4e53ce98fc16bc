//! An endpoint that plays a part, and what a client of it sees: for tests and fuzzing.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connection, Error};
use crate::body::Body;

/// Says its pieces, one with each read, once there is the head of a request.
#[derive(Debug, Default)]
pub(super) struct Script {
    pieces: VecDeque<Bytes>,
    closes: bool,
    /// What was said to it.
    pub(super) heard: Vec<u8>,
    waker: Option<Waker>,
}

impl Script {
    /// Says `answer`, cut after each of `cuts` bytes, and then closes the connection, or not.
    pub(super) fn new(answer: &[u8], cuts: &[u8], closes: bool) -> Self {
        let (mut rest, mut cuts) = (Bytes::copy_from_slice(answer), cuts.iter());
        let mut pieces = VecDeque::new();
        while !rest.is_empty() {
            let length = cuts.next().map_or(rest.len(), |&cut| usize::from(cut).clamp(1, rest.len()));
            pieces.push_back(rest.split_to(length));
        }
        Self { pieces, closes, ..Self::default() }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_asked = memchr::memmem::find(&self.heard, b"\r\n\r\n").is_some();
        let closes = self.closes;
        match self.pieces.front_mut().filter(|_| is_asked) {
            Some(piece) => {
                let length = piece.len().min(buf.remaining());
                buf.put_slice(piece.get(..length).unwrap_or_default());
                piece.advance(length);
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
            }
            None if is_asked && closes => {}
            None => {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.heard.extend_from_slice(bytes);
        self.waker.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a client makes of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) status: Option<u16>,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

/// How it ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// It is complete, and the connection carries another request, or not.
    Complete { reusable: bool },
    /// More is awaited.
    #[default]
    Awaited,
    /// It is none, or breaks off.
    Failed(String),
}

impl Seen {
    pub(super) fn head(&mut self, status: u16, fields: &HeaderMap) {
        let fields = fields.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        (self.status, self.fields) = (Some(status), fields.collect());
    }
}

/// What our client makes of an answer to `request`; with the endpoint, and what went wrong.
pub(super) fn ours(mut request: Request<Body>, script: Script) -> (Seen, Script, Option<Error>) {
    let mut seen = Seen::default();
    let mut connection = Connection::new(script);
    let failed = exchange(&mut connection, &mut request, &mut seen).err();
    if let Some(error) = &failed {
        seen.end = End::Failed(error.to_string());
    }
    (seen, connection.io, failed)
}

fn exchange(
    connection: &mut Connection<Script>,
    request: &mut Request<Body>,
    seen: &mut Seen,
) -> Result<(), Error> {
    let cx = &mut Context::from_waker(Waker::noop());
    connection.begin(request)?;
    let mut body = std::mem::take(request.body_mut());
    let Poll::Ready(head) = connection.poll_head(cx, &mut body, request.headers_mut()) else { return Ok(()) };
    seen.head(head?.status.as_u16(), request.headers());
    connection.go_on_with(&mut body);
    loop {
        match connection.poll_data(cx) {
            Poll::Ready(Some(data)) => {
                let data = data?;
                assert!(!data.is_empty(), "a piece of a body without bytes");
                seen.body.extend_from_slice(&data);
            }
            Poll::Ready(None) => {
                let reusable = connection.is_reusable() && connection.is_silent(cx);
                seen.end = End::Complete { reusable };
                return Ok(());
            }
            Poll::Pending => return Ok(()),
        }
    }
}
