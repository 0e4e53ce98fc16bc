//! A small HTTP/1 reader that keeps every byte. Independent of the parser of the proxy, and strict: what it cannot read is a defect.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};

use crate::io::Io;

/// The head of a request or an answer, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// All bytes, with the empty line at the end.
    pub raw: Vec<u8>,
    /// The request line or the status line.
    pub start: String,
    /// Names as written, values without the blanks around them.
    pub headers: Vec<(String, String)>,
}

impl Head {
    fn parse(raw: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(raw).map_err(|_| invalid("a head that is not UTF-8", raw))?;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.map(|line| match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
                Ok((name.to_owned(), value.trim().to_owned()))
            }
            _ => Err(invalid("a header line", line.as_bytes())),
        });
        Ok(Self { raw: raw.to_vec(), start, headers: headers.collect::<io::Result<_>>()? })
    }

    /// The value of a header, if it is there exactly once.
    ///
    /// # Panics
    /// If there are several.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "several {name} headers: {all:?}");
        all.first().copied()
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(held, _)| held.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// True if a comma-separated header has this element, in any case.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let mut elements = self.all(name).into_iter().flat_map(|value| value.split(','));
        elements.any(|held| held.trim().eq_ignore_ascii_case(element))
    }

    fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.word(0)
    }

    /// The target of a request, as written.
    pub fn target(&self) -> &str {
        self.word(1)
    }

    /// The status of an answer.
    ///
    /// # Panics
    /// If this is not the head of an answer.
    pub fn status(&self) -> u16 {
        assert!(self.start.starts_with("HTTP/1."), "no status line: {:?}", self.start);
        self.word(1).parse().unwrap_or_else(|_| panic!("no status: {:?}", self.start))
    }

    /// How the body after this head is delimited. `answer_to` is the method of the request if this is an answer.
    ///
    /// # Panics
    /// If the head is ambiguous: such a message must never leave the proxy.
    pub fn framing(&self, answer_to: Option<&str>) -> Framing {
        let bodiless = answer_to
            .is_some_and(|method| method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304));
        if bodiless {
            return Framing::Length(0);
        }
        match (self.get("transfer-encoding"), self.get("content-length")) {
            (Some(_), Some(_)) => panic!("both Transfer-Encoding and Content-Length: {self:?}"),
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
            (Some(coding), None) => panic!("Transfer-Encoding {coding:?}"),
            (None, Some(length)) => {
                assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "Content-Length {length:?}");
                Framing::Length(length.parse().expect("a Content-Length that fits"))
            }
            (None, None) if answer_to.is_some() => Framing::Close,
            (None, None) => Framing::Length(0),
        }
    }
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(usize),
    /// With the last chunk and its trailers.
    Chunked,
    /// With the connection.
    Close,
}

/// A body without its framing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

/// Told of bytes the moment they are read.
pub(crate) type Tap = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// A socket with what was read from it and not yet used.
pub(crate) struct Wire {
    stream: Io,
    buffer: Vec<u8>,
    tap: Option<Tap>,
}

impl Wire {
    pub(crate) fn new(stream: impl Into<Io>, tap: Option<Tap>) -> Self {
        let stream = stream.into();
        let _ = stream.tcp().set_nodelay(true);
        Self { stream, buffer: Vec::new(), tap }
    }

    pub(crate) fn io(&self) -> &Io {
        &self.stream
    }

    pub(crate) fn into_io(self) -> Io {
        self.stream
    }

    /// For whoever goes on with another protocol: what has been read and not yet used comes first.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let taken = self.take(self.buffer.len().min(buf.remaining()));
        buf.put_slice(&taken);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn writer(&mut self) -> Pin<&mut Io> {
        Pin::new(&mut self.stream)
    }

    /// Reads some more. False at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        let before = self.buffer.len();
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if let Some(tap) = &self.tap {
            tap(&self.buffer[before..]);
        }
        Ok(read > 0)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Everything up to and with `end`; `None` if the other side closes before the first byte.
    pub(crate) async fn through(&mut self, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let found = self.buffer[searched..].windows(end.len()).position(|window| window == end);
            if let Some(position) = found {
                return Ok(Some(self.take(searched + position + end.len())));
            }
            searched = self.buffer.len().saturating_sub(end.len() - 1);
            if !self.fill().await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(cut("a line or head", &self.buffer))
                };
            }
        }
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill().await? {
                return Err(cut("a body", &self.buffer));
            }
        }
        Ok(self.take(length))
    }

    /// What has come and what comes next, at least one byte; none at the end.
    pub(crate) async fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Whatever comes until the other side closes.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill().await? {}
        let length = self.buffer.len();
        Ok(self.take(length))
    }

    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let raw = self.through(b"\r\n\r\n").await?;
        raw.map(|raw| Head::parse(&raw)).transpose()
    }

    pub(crate) async fn body(&mut self, framing: Framing) -> io::Result<Body> {
        let data = match framing {
            Framing::Length(length) => self.exactly(length).await?,
            Framing::Close => self.rest().await?,
            Framing::Chunked => return self.chunked().await,
        };
        Ok(Body { data, trailers: Vec::new() })
    }

    async fn chunked(&mut self) -> io::Result<Body> {
        let mut body = Body::default();
        while let Some(chunk) = self.chunk().await? {
            body.data.extend(chunk);
        }
        loop {
            let line = self.line().await?;
            match line.split_once(':') {
                None if line.is_empty() => return Ok(body),
                None => return Err(invalid("a trailer", line.as_bytes())),
                Some((name, value)) => body.trailers.push((name.to_owned(), value.trim().to_owned())),
            }
        }
    }

    /// One chunk; `None` for the last, whose trailers come next.
    pub(crate) async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line().await?;
        let size = usize::from_str_radix(&line, 16).map_err(|_| invalid("a chunk size", line.as_bytes()))?;
        if size == 0 {
            return Ok(None);
        }
        let mut chunk = self.exactly(size + 2).await?;
        let end = chunk.split_off(size);
        if end == b"\r\n" { Ok(Some(chunk)) } else { Err(invalid("the end of a chunk", &end)) }
    }

    async fn line(&mut self) -> io::Result<String> {
        let Some(mut line) = self.through(b"\r\n").await? else { return Err(cut("a line", b"")) };
        line.truncate(line.len() - 2);
        String::from_utf8(line).map_err(|error| invalid("a line that is not UTF-8", error.as_bytes()))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    pub(crate) async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

fn invalid(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {}", bytes.escape_ascii()))
}

fn cut(what: &str, bytes: &[u8]) -> io::Error {
    let text = format!("cut off in {what}, after {}", bytes.escape_ascii());
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
