//! From a UDP socket to connections whose handshake is done.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::connection::Served;
use super::request::Site;
use crate::connection::{Connection, Tls};
use crate::proxy::Proxy;
use crate::server::http::HttpService;
use crate::server::state::Open;
use crate::server::worker::Acceptor;
use crate::tls::QuicConfig;

/// So many handshakes at once, and clients have to show first that they get what is sent to their address (RFC 9000, section 8.1.2).
const MANY: usize = 64;
/// So many, and more are refused.
const TOO_MANY: usize = 1024;
/// How long a client may be out of reach. Requests may take longer: it is asked before whether it is still there.
const SILENCE: Duration = Duration::from_secs(75);
const ASK: Duration = Duration::from_secs(30);
/// What is held at most for one stream, for one connection each way, and for clients whose handshake has not begun.
const STREAM_WINDOW: u32 = 256 * 1024;
const WINDOW: u32 = 1024 * 1024;
const INCOMING: u64 = 64 * 1024;
const ALL_INCOMING: u64 = 8 * 1024 * 1024;

/// One worker's socket for HTTP/3.
pub(in crate::server) struct Listener<L> {
    endpoint: Endpoint,
    server: ServerConfig,
    local: SocketAddr,
    acceptor: Arc<Acceptor<L>>,
    closing: CancellationToken,
    handshakes: Arc<AtomicUsize>,
}

impl<L> Listener<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Listens on a socket until `closing` is cancelled.
    ///
    /// # Errors
    /// If the socket cannot be watched, or no handshakes can be offered.
    pub(in crate::server) fn new(
        socket: UdpSocket,
        acceptor: Arc<Acceptor<L>>,
        closing: CancellationToken,
    ) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let published = acceptor.subscriber.published();
        let crypto = published.quic().ok_or(io::ErrorKind::Unsupported)?;
        let mut server = ServerConfig::with_crypto(crypto.crypto);
        server
            .transport_config(Arc::new(transport(published.snapshot.settings.http2_max_concurrent_streams)))
            .migration(false)
            .max_incoming(TOO_MANY)
            .incoming_buffer_size(INCOMING)
            .incoming_buffer_size_total(ALL_INCOMING);
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), Some(server.clone()), socket, runtime)?;
        Ok(Self { endpoint, server, local, acceptor, closing, handshakes: Arc::default() })
    }

    /// Accepts connections. When it is told to close, those that are open come to their end; then it is ready.
    pub(in crate::server) async fn run(self) {
        loop {
            let incoming = tokio::select! { biased;
                () = self.closing.cancelled() => break,
                incoming = self.endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            self.take(incoming);
        }
        self.endpoint.set_server_config(None);
        self.endpoint.wait_idle().await;
    }

    fn take(&self, incoming: Incoming) {
        let handshakes = self.handshakes.load(Relaxed);
        if handshakes >= MANY && incoming.may_retry() && !incoming.remote_address_validated() {
            // It fails only where an address was shown already.
            let _ = incoming.retry();
            return;
        }
        let crypto = self.acceptor.subscriber.published().quic().filter(|_| handshakes < TOO_MANY);
        let open = self.acceptor.state.admit(self.acceptor.limit);
        let (Some(QuicConfig { crypto }), Some(open)) = (crypto, open) else { return incoming.refuse() };
        let mut server = self.server.clone();
        server.crypto = crypto;
        match incoming.accept_with(Arc::new(server)) {
            Ok(connecting) => {
                let opening = Opening {
                    acceptor: self.acceptor.clone(),
                    local: self.local,
                    open,
                    _handshake: Handshake::begin(&self.handshakes),
                };
                tokio::spawn(opening.run(connecting, self.closing.clone()));
            }
            Err(error) => tracing::debug!(%error, "a connection of QUIC could not be accepted"),
        }
    }
}

fn transport(streams: u32) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(streams.max(1).into())
        // One for control, two for header compression, and what a client may greet with.
        .max_concurrent_uni_streams(VarInt::from_u32(8))
        .max_idle_timeout(SILENCE.try_into().ok())
        .keep_alive_interval(Some(ASK))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(WINDOW.into())
        .datagram_receive_buffer_size(None);
    transport
}

/// Counts a handshake while it lasts.
struct Handshake(Arc<AtomicUsize>);

impl Handshake {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A connection whose handshake has begun.
struct Opening<L> {
    acceptor: Arc<Acceptor<L>>,
    local: SocketAddr,
    open: Open,
    _handshake: Handshake,
}

impl<L> Opening<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    async fn run(self, connecting: quinn::Connecting, closing: CancellationToken) {
        let Self { acceptor, local, open, _handshake: handshake } = self;
        let limit = acceptor.config.handshake_timeout;
        let done = tokio::select! { biased;
            done = tokio::time::timeout(limit, connecting) => done,
            () = async { closing.cancelled().await; tokio::time::sleep(acceptor.config.drain_idle).await } => return,
        };
        drop(handshake);
        let connection = match done {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                acceptor.state.note_failed_handshake();
                tracing::debug!(%error, "a handshake of QUIC failed");
                return;
            }
            Err(_) => return acceptor.state.note_failed_handshake(),
        };
        acceptor.state.note_handshake(false);
        let client = Connection::new(connection.remote_address(), local.port());
        let proxy = acceptor.proxy.with_connection(client.with_tls(Tls::new(server_name(&connection), None)));
        let settings = proxy.settings();
        let site = Site {
            service: acceptor.layer.layer(proxy.clone()),
            proxy,
            head_time: settings.client_header_timeout,
            send_time: acceptor.config.send_timeout,
        };
        let served = Served { connection, site, settings, config: acceptor.config.clone(), open };
        Box::pin(served.run(closing)).await;
    }
}

/// The name that the client has asked for.
fn server_name(connection: &quinn::Connection) -> Option<Arc<str>> {
    let data = connection.handshake_data()?.downcast::<HandshakeData>().ok()?;
    ingress_core::canonical_host(data.server_name.as_deref()?).map(Arc::from)
}
