//! Clients that allocate nothing while they ask.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use harness::DEADLINE;

/// One request after the other, on one connection.
pub(crate) trait Exchange {
    /// Sends a request and reads its answer, whose status has to be 200.
    fn exchange(&mut self);
}

/// A client of HTTP/1.1.
pub(crate) struct Http1 {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Http1 {
    /// A client that sends this request.
    pub(crate) fn new(address: SocketAddr, request: impl Into<Vec<u8>>) -> Self {
        Self { stream: connect(address), request: request.into(), buffer: vec![0; 256 * 1024] }
    }

    /// A client that GETs a path of `a.test`, with the fields that clients usually send.
    pub(crate) fn get(address: SocketAddr, path: &str) -> Self {
        let fields = "User-Agent: cost\r\nAccept: */*\r\nCookie: session=0123456789abcdef\r\n";
        Self::new(address, format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"))
    }
}

impl Exchange for Http1 {
    fn exchange(&mut self) {
        self.stream.write_all(&self.request).expect("a proxy that reads");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).expect("an answer in time");
            assert_ne!(read, 0, "the connection ended");
            filled += read;
            let Some(head) = head_length(&self.buffer[..filled]) else { continue };
            assert!(self.buffer.starts_with(b"HTTP/1.1 200 "));
            let length = content_length(&self.buffer[..head]).expect("a Content-Length");
            if filled == head + length {
                return;
            }
        }
    }
}

/// A client of HTTP/2 without TLS, as far as it takes to GET `/` of `a.test`.
pub(crate) struct Http2 {
    stream: TcpStream,
    next: u32,
    buffer: Vec<u8>,
}

/// Frames of HTTP/2 by their type (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
/// `END_STREAM` and `END_HEADERS`.
const WHOLE: u8 = 5;
/// `GET`, `http` and `/` from the static table; `:authority` and `user-agent` as literals that are not indexed (RFC 7541, section 6).
const REQUEST: &[u8] = b"\x82\x86\x84\x01\x06a.test\x0f\x2b\x04cost";

impl Http2 {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut stream = connect(address);
        let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        opening.extend(head(0, SETTINGS, 0, 0));
        opening.extend(head(4, WINDOW_UPDATE, 0, 0));
        opening.extend((1u32 << 24).to_be_bytes());
        stream.write_all(&opening).expect("a proxy that reads");
        Self { stream, next: 1, buffer: vec![0; 64 * 1024] }
    }

    /// Reads a frame: its type, flags and stream. Its payload lies at the beginning of the buffer.
    fn frame(&mut self) -> (u8, u8, u32) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).expect("a frame in time");
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        self.stream.read_exact(&mut self.buffer[..length]).expect("the rest of the frame");
        (kind, flags, u32::from_be_bytes(stream))
    }
}

fn head(length: usize, kind: u8, flags: u8, stream: u32) -> [u8; 9] {
    let [_, a, b, c] = u32::try_from(length).expect("a short frame").to_be_bytes();
    let [d, e, f, g] = stream.to_be_bytes();
    [a, b, c, kind, flags, d, e, f, g]
}

impl Exchange for Http2 {
    fn exchange(&mut self) {
        let mut frame = [0; 9 + REQUEST.len()];
        frame[..9].copy_from_slice(&head(REQUEST.len(), HEADERS, WHOLE, self.next));
        frame[9..].copy_from_slice(REQUEST);
        self.stream.write_all(&frame).expect("a proxy that reads");
        loop {
            let (kind, flags, stream) = self.frame();
            match kind {
                SETTINGS if flags & ACK == 0 => {
                    self.stream.write_all(&head(0, SETTINGS, ACK, 0)).expect("a proxy that reads");
                }
                // The status 200 is the eighth of the static table.
                HEADERS => assert_eq!((stream, self.buffer[0]), (self.next, 0x88)),
                DATA if flags & END_STREAM != 0 && stream == self.next => break,
                _ => {}
            }
        }
        self.next += 2;
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a proxy that listens");
    stream.set_nodelay(true).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE.max(Duration::from_secs(1)))).expect("a connection");
    stream
}

/// The length of a head, once it is whole.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    Some(memchr::memmem::find(bytes, b"\r\n\r\n")? + 4)
}

/// The value of `Content-Length` in a head, whoever wrote it.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    let name = b"content-length: ";
    let line = head
        .split(|&byte| byte == b'\n')
        .find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    std::str::from_utf8(&line[name.len()..]).ok()?.trim_end().parse().ok()
}
