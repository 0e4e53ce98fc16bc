//! HTTP/1 or HTTP/2: decided by the first bytes of a plain connection.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sniffed {
    /// True for HTTP/2 with prior knowledge.
    pub(super) http2: bool,
    /// The bytes that were read to find out.
    pub(super) first: Vec<u8>,
}

/// Reads until it is clear what the client speaks; `None` if it closed before. `first` has been read from it already. The caller bounds
/// the time.
///
/// # Errors
/// Whatever the transport reports.
pub(super) async fn sniff<T: AsyncRead + Unpin>(
    io: &mut T,
    mut first: Vec<u8>,
) -> io::Result<Option<Sniffed>> {
    loop {
        if (first.is_empty() || PREFACE.starts_with(&first))
            && poll_fn(|cx| poll_more(io, &mut first, cx)).await? == 0
        {
            return Ok(None);
        }
        let compared = first.len().min(PREFACE.len());
        if first.get(..compared) != PREFACE.get(..compared) {
            return Ok(Some(Sniffed { http2: false, first }));
        }
        if compared == PREFACE.len() {
            return Ok(Some(Sniffed { http2: true, first }));
        }
    }
}

/// Reads more of what a client sends; how much. The room for it is on the stack, so that none is held while nothing comes.
fn poll_more<T: AsyncRead + Unpin>(
    io: &mut T,
    bytes: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut more = ReadBuf::uninit(&mut space);
    ready!(Pin::new(io).poll_read(cx, &mut more))?;
    bytes.extend_from_slice(more.filled());
    Poll::Ready(Ok(more.filled().len()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn the_preface_may_come_in_parts() {
        let mut parts = tokio_test_parts(&[b"PRI", b" * HTTP/2.0\r\n\r\n", b"SM\r\n\r\nmore"]);
        let sniffed = sniff(&mut parts, Vec::new()).await.unwrap().unwrap();
        assert!(sniffed.http2);
        assert!(sniffed.first.ends_with(b"more"));
    }

    #[tokio::test]
    async fn anything_else_is_http1_at_once() {
        for first in [&b"G"[..], b"PRI /", b"\x16\x03\x01"] {
            let mut io = first;
            let sniffed = sniff(&mut io, Vec::new()).await.unwrap().unwrap();
            assert_eq!(sniffed, Sniffed { http2: false, first: first.to_vec() });
        }
        assert_eq!(sniff(&mut &b""[..], Vec::new()).await.unwrap(), None);
        assert_eq!(sniff(&mut &b"PRI"[..], Vec::new()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_was_read_before_counts() {
        let sniffed = sniff(&mut &PREFACE[3..], PREFACE[..3].to_vec()).await.unwrap().unwrap();
        assert_eq!(sniffed, Sniffed { http2: true, first: PREFACE.to_vec() });
        let sniffed = sniff(&mut tokio::io::empty(), b"GET".to_vec()).await.unwrap().unwrap();
        assert_eq!(sniffed, Sniffed { http2: false, first: b"GET".to_vec() });
    }

    fn tokio_test_parts(parts: &[&'static [u8]]) -> impl AsyncRead + Unpin {
        parts.iter().fold(Box::new(tokio::io::empty()) as Box<dyn AsyncRead + Unpin>, |before, part| {
            Box::new(before.chain(*part))
        })
    }
}
