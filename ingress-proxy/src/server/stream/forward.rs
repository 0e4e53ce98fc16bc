//! One TCP connection on its way to an endpoint and back.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::stream::StreamProtocol;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::connect::connect;
use super::proxy_header;
use super::record::Record;
use super::relay::{End, relay};
use crate::proxy::Proxy;
use crate::server::linger::Linger;
use crate::upstream::Group;

/// How long an endpoint may take to accept a PROXY header, which fits into the smallest of windows.
const HEADER: Duration = Duration::from_secs(5);

/// Where a client's connection is to go.
#[derive(Debug)]
pub(crate) struct Forward {
    /// The name of the upstream.
    pub(crate) upstream: Arc<str>,
    /// Its endpoints; `None` if there is no such upstream.
    pub(crate) group: Option<Arc<Group>>,
    /// Who the client is.
    pub(crate) client: SocketAddr,
    /// What it connected to, at us or at the proxy before us.
    pub(crate) local: SocketAddr,
    /// Tell the endpoint these two, by a PROXY header of version 1.
    pub(crate) send_proxy: bool,
    /// What was read of the client already.
    pub(crate) first: Vec<u8>,
}

/// Connects a client with an endpoint, for as long as both want. Endpoints are picked, and tried again, as the settings of streams say.
///
/// Where no endpoint takes the connection it is closed, as nginx does; nothing else could be told to a client whose protocol is not known.
pub(crate) async fn forward(io: TcpStream, forward: Forward, proxy: &Proxy) {
    let Forward { upstream, group, client, local, send_proxy, first } = forward;
    let here = io.local_addr().unwrap_or(local);
    let mut record = Record::new(proxy.clone(), StreamProtocol::Tcp, client, here, upstream);
    let header = send_proxy.then(|| proxy_header::version_1(record.client, local));
    run(io, first, header, (proxy, group), &mut record).await;
}

async fn run(
    mut io: TcpStream,
    first: Vec<u8>,
    header: Option<Vec<u8>>,
    (proxy, group): (&Proxy, Option<Arc<Group>>),
    record: &mut Record,
) {
    let settings = proxy.settings();
    let connected = match group {
        Some(group) => connect(&group, &settings.streams, record).await,
        None => None,
    };
    let Some(mut endpoint) = connected else {
        let (upstream, client) = (&record.upstream, record.client);
        tracing::warn!(%upstream, %client, last = ?record.endpoint, "no endpoint took a connection: it is closed");
        return;
    };
    if let Some(header) = header {
        let written = tokio::time::timeout(HEADER, endpoint.write_all(&header)).await;
        if !matches!(written, Ok(Ok(()))) {
            record.refused();
            return;
        }
    }
    let end = relay(&mut io, &mut endpoint, first, settings.streams.timeout, &mut record.traffic).await;
    let (upstream, client) = (&record.upstream, record.client);
    match end {
        End::Orderly => {}
        End::Idle => tracing::debug!(%upstream, %client, "a connection was idle for too long"),
        End::Early => {
            let mut linger = Linger::default();
            // Nothing can be done about a client that does not take it.
            let _ = poll_fn(|cx| linger.poll_shutdown(cx, &mut io, true)).await;
        }
        End::Broken(error) => {
            tracing::debug!(%upstream, %client, %error, "a connection broke");
            // What was cut off must not look as if it were whole.
            [io, endpoint].iter().for_each(|side| drop(side.set_zero_linger()));
        }
    }
}
