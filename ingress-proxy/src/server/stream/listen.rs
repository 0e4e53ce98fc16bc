//! From a listener to connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::stream::{Stream, StreamProtocol};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::forward::{Forward, forward};
use super::record::Record;
use crate::proxy::Proxy;
use crate::server::listener::accepted_already;
use crate::server::ports::{Context, Port};
use crate::server::proxy_protocol::{Header, read_proxy_header};
use crate::server::state::Open;
use crate::stack::is_believed;

/// How long a listener rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// A client's PROXY header is missing or cannot be read (nginx logs that as 400).
const BAD_REQUEST: u16 = 400;

/// Accepts connections until the sender of `stream` is gone. Each goes where the stream leads when it comes.
pub(in crate::server) async fn listen(
    listener: TcpListener,
    mut stream: watch::Receiver<Stream>,
    context: Context,
    _held: Arc<Port>,
) {
    loop {
        let connection = tokio::select! { biased;
            changed = stream.changed() => match changed {
                Ok(()) => continue,
                Err(_) => break,
            },
            connection = listener.accept() => connection,
        };
        match connection {
            Ok((io, client)) => take(io, client, &stream.borrow(), &context),
            // The client gave up in the queue.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    for (io, client) in accepted_already(listener) {
        take(io, client, &stream.borrow(), &context);
    }
}

fn take(io: TcpStream, client: SocketAddr, stream: &Stream, context: &Context) {
    let (Some(open), Ok(local)) = (context.state.admit(context.limit), io.local_addr()) else { return };
    tokio::spawn(serve(io, (client, local), stream.clone(), context.proxy.clone(), Busy::new(open)));
}

async fn serve(
    mut io: TcpStream,
    (peer, local): (SocketAddr, SocketAddr),
    stream: Stream,
    proxy: Proxy,
    busy: Busy,
) {
    let (mut client, mut to, mut first) = (peer, local, Vec::new());
    if stream.accept_proxy {
        let settings = proxy.settings();
        let limit = settings.proxy_protocol_header_timeout;
        match read_proxy_header(&mut io, limit).await {
            Ok((header, rest)) => {
                let believed = is_believed(peer.ip().to_canonical(), &settings.forwarded);
                if let (true, Header::Proxied { client: of, local: at }) = (believed, header) {
                    (client, to) = (of, at);
                }
                first = rest;
            }
            Err(error) => {
                busy.open.note_refused_proxy_header();
                tracing::debug!(%peer, %error, "a connection did not begin with a PROXY header: it is closed");
                Record::new(proxy, StreamProtocol::Tcp, peer, local, stream.upstream).status = BAD_REQUEST;
                return;
            }
        }
    }
    // Only now: while the header came, the stream may have been led elsewhere.
    let (upstream, group) = proxy.stream(&stream);
    let forwarded = Forward { upstream, group, client, local: to, send_proxy: stream.send_proxy, first };
    Box::pin(forward(io, forwarded, &proxy)).await;
    drop(busy);
}

/// Counts a connection as one that is being written to, as tunnels are.
#[derive(Debug)]
struct Busy {
    open: Open,
}

impl Busy {
    fn new(open: Open) -> Self {
        open.note_writing(true);
        Self { open }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.open.note_writing(false);
    }
}
