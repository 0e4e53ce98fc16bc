//! From an accepted socket to requests: PROXY header, TLS, and what is spoken over it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use ingress_core::Settings;
use ingress_core::tls::Passthrough;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Layer;

use super::handshake::{Opened, Terminated, handshake};
use super::http::{self, HttpService};
use super::lifecycle::Lifecycle;
use super::plain_on_tls;
use super::prefixed::Prefixed;
use super::proxy_protocol::{Header, read_proxy_header};
use super::sniff::sniff;
use super::state::Open;
use super::stream::{Forward, forward};
use super::transport::Transport;
use super::worker::Acceptor;
use crate::connection::Connection;
use crate::proxy::Proxy;
use crate::stack::is_believed;

/// The type of the first record of a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Room for what most clients begin with, in bytes: so it is read at once.
const USUAL_HELLO: usize = 2048;

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// HTTP, as it is.
    Http,
    /// HTTP over TLS.
    Https,
}

/// One connection that is to be served. The settings are those of the moment at which it was accepted.
pub(super) struct Opening<L> {
    pub(super) acceptor: Acceptor<L>,
    pub(super) open: Open,
    pub(super) settings: Arc<Settings>,
    pub(super) scheme: Scheme,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

impl<L> Opening<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Finds out who the client is and what it speaks, and serves it.
    pub(super) async fn run(self, mut io: TcpStream) {
        let mut connection = Connection::new(self.peer, self.local.port());
        let mut local = self.local;
        let mut first = Vec::new();
        if self.settings.use_proxy_protocol {
            let Some((header, rest)) = self.proxy_header(&mut io).await else { return };
            if let Header::Proxied { client, local: told } = header {
                connection = connection.on_behalf_of(client, told.port());
                local = told;
            }
            first = rest;
        }
        match self.scheme {
            Scheme::Http => self.run_plain(io, first, connection).await,
            // What is needed for handshakes only is not carried along by plain connections.
            Scheme::Https => Box::pin(self.run_tls(io, first, connection, local)).await,
        }
    }

    /// What a proxy before us tells; `None` if the connection must be closed. Whom we do not trust is the client itself.
    async fn proxy_header(&self, io: &mut TcpStream) -> Option<(Header, Vec<u8>)> {
        let limit = self.settings.proxy_protocol_header_timeout;
        match self.unless_drained(read_proxy_header(io, limit)).await? {
            Ok((header, rest)) => {
                let believed = is_believed(self.peer.ip().to_canonical(), &self.settings.forwarded);
                Some((if believed { header } else { Header::Local }, rest))
            }
            Err(error) => {
                self.acceptor.state.note_refused_proxy_header();
                tracing::debug!(peer = %self.peer, %error, "a connection without a PROXY header is closed");
                None
            }
        }
    }

    async fn run_plain(self, mut io: TcpStream, first: Vec<u8>, connection: Connection) {
        let limit = self.settings.client_header_timeout;
        let sniffed = self.unless_drained(timeout(limit, sniff(&mut io, first))).await;
        let Some(Ok(Ok(Some(sniffed)))) = sniffed else { return };
        // Without HTTP/2 its preface is a malformed request.
        let http2 = sniffed.http2 && self.settings.http2;
        self.serve(io, http2, sniffed.first, connection).await;
    }

    async fn run_tls(self, mut io: TcpStream, mut first: Vec<u8>, connection: Connection, local: SocketAddr) {
        if first.is_empty() {
            first.reserve(USUAL_HELLO);
            let read = timeout(self.settings.client_header_timeout, io.read_buf(&mut first));
            let Some(Ok(Ok(1..))) = self.unless_drained(read).await else { return };
        }
        if first.first() != Some(&HANDSHAKE) {
            let proxy = self.acceptor.proxy.with_connection(connection);
            self.unless_drained(plain_on_tls::answer(io, first, &proxy)).await;
            return;
        }
        let published = self.acceptor.subscriber.published();
        let limit = self.acceptor.config.handshake_timeout;
        let handshake = Box::pin(handshake(Prefixed::new(io, first), &published));
        let done = match self.unless_drained(timeout(limit, handshake)).await {
            None => return,
            Some(Err(_)) => Err(std::io::ErrorKind::TimedOut.into()),
            Some(Ok(done)) => done,
        };
        match done {
            Ok(Opened::Terminated(done)) => {
                let Terminated { io, tls, http2, resumed } = *done;
                self.acceptor.state.note_handshake(resumed);
                drop(published);
                self.serve(io, http2, Vec::new(), connection.with_tls(tls)).await;
            }
            Ok(Opened::Passed { io, first, name, to }) => {
                drop(published);
                let (Passthrough { upstream, send_proxy, .. }, group) =
                    self.acceptor.proxy.passthrough(&name, to);
                let to = Forward { upstream, group, client: connection.client(), local, send_proxy, first };
                Box::pin(forward(io, to, &self.acceptor.proxy)).await;
            }
            Err(error) => {
                self.acceptor.state.note_failed_handshake();
                tracing::debug!(client = %connection.client(), %error, "a handshake failed");
            }
        }
    }

    async fn serve<T>(self, io: T, http2: bool, first: Vec<u8>, connection: Connection)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { acceptor, open, settings, .. } = self;
        let Acceptor { proxy, layer, config, state, .. } = acceptor;
        let proxy = proxy.with_connection(connection);
        let service = layer.layer(proxy.clone());
        let lifecycle = Arc::new(Lifecycle::new(open));
        let transport = Transport::new(io, !http2, first, lifecycle.clone(), &settings, &config);
        let settings = (&*settings, config.send_timeout);
        http::serve(transport, http2, (service, proxy), lifecycle, settings, &state.drain).await;
    }

    /// What a future gives; `None` if a drain began, and has let it some more time.
    async fn unless_drained<F: Future>(&self, future: F) -> Option<F::Output> {
        let drained = async {
            self.acceptor.state.drain.cancelled().await;
            tokio::time::sleep(self.acceptor.config.drain_idle).await;
        };
        tokio::select! { biased;
            output = future => Some(output),
            () = drained => None,
        }
    }
}
