//! PROXY headers: what a proxy of TCP in front of us tells about its client, before anything else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long a header of version 1 may be, as the specification says.
const MAX_VERSION_1: usize = 107;
/// How long a header of version 2 may be: it has room for much that nobody needs.
const MAX_VERSION_2: usize = 4096;
/// What the versions begin with.
const VERSION_1: &[u8] = b"PROXY ";
const VERSION_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a PROXY header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The connection is the proxy's own, or it does not tell whose it is.
    Local,
    /// It is on behalf of somebody else.
    Proxied {
        /// Who connected to the proxy.
        client: SocketAddr,
        /// What the client connected to.
        local: SocketAddr,
    },
}

/// Reads the header with which a connection begins, of version 1 or 2, and whatever came with it.
///
/// # Errors
/// `InvalidData` if it begins with something else or the header is malformed or too long, `TimedOut` if it did not come within `limit`,
/// `UnexpectedEof`, and whatever the transport reports.
pub(super) async fn read_proxy_header<T: AsyncRead + Unpin>(
    io: &mut T,
    limit: Duration,
) -> io::Result<(Header, Vec<u8>)> {
    tokio::time::timeout(limit, read(io)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

async fn read<T: AsyncRead + Unpin>(io: &mut T) -> io::Result<(Header, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut space = [0; 1024];
    loop {
        let read = io.read(&mut space).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(space.get(..read).unwrap_or_default());
        if let Some((header, length)) = parse(&bytes)? {
            return Ok((header, bytes.split_off(length)));
        }
    }
}

/// The header and its length; `None` if there must be more of it.
fn parse(bytes: &[u8]) -> io::Result<Option<(Header, usize)>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let begins = |with: &[u8]| with.starts_with(bytes) || bytes.starts_with(with);
    let max = match bytes {
        _ if begins(VERSION_1) => MAX_VERSION_1,
        _ if begins(VERSION_2) => MAX_VERSION_2,
        _ => return Err(invalid("it does not begin with a PROXY header".into())),
    };
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    match ProxyHeader::parse(bytes, config) {
        Ok((header, length)) if length <= max => Ok(Some((Header::of(&header), length))),
        Err(Error::BufferTooShort) if bytes.len() < max => Ok(None),
        Ok(_) | Err(Error::BufferTooShort) => {
            Err(invalid(format!("its PROXY header is longer than {max} bytes")))
        }
        Err(error) => Err(invalid(format!("its PROXY header is malformed: {error}"))),
    }
}

impl Header {
    fn of(header: &ProxyHeader<'_>) -> Self {
        match header.proxied_address() {
            Some(address) if address.protocol == Protocol::Stream => {
                Self::Proxied { client: address.source, local: address.destination }
            }
            _ => Self::Local,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proxy_header::ProxiedAddress;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const CLIENT: &str = "192.0.2.1:4711";
    const LOCAL: &str = "203.0.113.1:443";

    fn version_2(extra: usize) -> Vec<u8> {
        let address = ProxiedAddress::stream(CLIENT.parse().unwrap(), LOCAL.parse().unwrap());
        let mut header = ProxyHeader::with_address(address);
        let padding = vec![0; extra];
        if extra > 0 {
            header.append_tlv(proxy_header::Tlv::UniqueId(padding.as_slice().into()));
        }
        let mut bytes = Vec::new();
        header.encode_v2(&mut bytes).unwrap();
        bytes
    }

    fn proxied() -> Header {
        Header::Proxied { client: CLIENT.parse().unwrap(), local: LOCAL.parse().unwrap() }
    }

    /// Sends bytes in pieces and leaves the connection open.
    async fn read_pieces(bytes: &[u8], piece: usize) -> io::Result<(Header, Vec<u8>)> {
        let (mut client, mut server) = duplex(1 << 16);
        let send = async {
            for piece in bytes.chunks(piece) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            header = read_proxy_header(&mut server, LIMIT) => header,
            () = send => unreachable!(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn headers_of_both_versions_are_read_in_pieces_of_any_size() {
        let first = format!("PROXY TCP4 192.0.2.1 203.0.113.1 4711 443\r\n").into_bytes();
        for bytes in [first, version_2(0), version_2(3000)] {
            for piece in [1, 5, 16, 1 << 16] {
                let (header, rest) = read_pieces(&bytes, piece).await.unwrap();
                assert_eq!((header, rest.len()), (proxied(), 0));
            }
            let with_more = [&bytes, &b"GET / HTTP/1.1"[..]].concat();
            let (header, rest) = read_pieces(&with_more, 1 << 16).await.unwrap();
            assert_eq!((header, rest.as_slice()), (proxied(), &b"GET / HTTP/1.1"[..]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_tell_is_the_peer() {
        let mut local = Vec::new();
        ProxyHeader::with_local().encode_v2(&mut local).unwrap();
        for bytes in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN ffff:f...f:ffff 1 2\r\n", &local] {
            assert_eq!(read_pieces(bytes, 3).await.unwrap().0, Header::Local, "{}", bytes.escape_ascii());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn anything_else_is_refused_as_soon_as_it_is_clear() {
        let unknown = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)).into_bytes();
        for bytes in [
            &b"G"[..],
            b"\x16\x03\x01",
            b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            b"PROXY TCP4 1.1.1.1 ::1 1 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rx",
            b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
            &unknown,
            &vec![b' '; 200],
            &[&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(),
            &version_2(5000),
        ] {
            let error = read_pieces(bytes, 1).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{}: {error}", bytes.escape_ascii());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_silent_or_slow_or_gone_is_not_awaited() {
        for bytes in [&b""[..], b"PROXY TCP4 1.1.1.1", &version_2(0)[..20]] {
            assert_eq!(read_pieces(bytes, 1).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            let error = read_proxy_header(&mut &bytes[..], LIMIT).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    proptest! {
        /// Whatever comes, there is an answer, and no more is read as a header than there is.
        #[test]
        fn nothing_breaks_it(
            begin in prop_oneof![Just(VERSION_1.to_vec()), Just(VERSION_2.to_vec()), Just(version_2(9)), Just(vec![])],
            cut in 0usize..40,
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let all = [begin.get(..begin.len().saturating_sub(cut)).unwrap_or_default(), &bytes].concat();
            if let Ok(Some((_, length))) = parse(&all) {
                prop_assert!(length <= all.len());
            }
        }
    }
}
