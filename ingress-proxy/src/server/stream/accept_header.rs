//! (Until `server/proxy_protocol.rs` is there.)

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) async fn read_proxy_header<T: AsyncRead + Unpin>(
    io: &mut T,
    limit: Duration,
) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
    let read = async {
        let mut bytes = Vec::new();
        let mut space = [0; 1024];
        loop {
            let read = io.read(&mut space).await?;
            bytes.extend_from_slice(space.get(..read).unwrap_or_default());
            match ProxyHeader::parse(&bytes, ParseConfig::default()) {
                Ok((header, length)) => {
                    let client = header.proxied_address().map(|address| address.source);
                    let rest = bytes.get(length..).unwrap_or_default().to_vec();
                    return Ok((client, rest));
                }
                Err(Error::BufferTooShort) if read > 0 && bytes.len() < 4096 => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
    };
    tokio::time::timeout(limit, read).await?
}
