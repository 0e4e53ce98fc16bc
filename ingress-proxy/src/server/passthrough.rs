//! Connections that are not ours to open.

use std::net::SocketAddr;

use ingress_core::tls::Passthrough;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::proxy::Proxy;
use crate::snapshot::Published;

/// Passes a connection on, of which `first` was read, on behalf of `client`, who connected to `local`.
pub(super) async fn pass_on(
    mut io: TcpStream,
    first: Vec<u8>,
    to: &Passthrough,
    _addresses: (SocketAddr, SocketAddr),
    _proxy: &Proxy,
    published: &Published,
) {
    let endpoint = published
        .snapshot
        .upstreams
        .get(&to.upstream)
        .and_then(|upstream| upstream.addresses().first().map(|endpoint| endpoint.address));
    let Some(endpoint) = endpoint else { return };
    let Ok(mut endpoint) = TcpStream::connect(endpoint).await else { return };
    if endpoint.write_all(&first).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut io, &mut endpoint).await;
    }
}
