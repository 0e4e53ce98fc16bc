//! From an accepted socket to requests: PROXY header, TLS, and what is spoken over it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ingress_core::Settings;
use ingress_core::tls::Passthrough;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Layer;

use super::handshake::{Opened, Terminated, handshake};
use super::http::{Counted, HttpService, serve_http2};
use super::http1::Serving;
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
    pub(super) acceptor: Arc<Acceptor<L>>,
    pub(super) open: Open,
    pub(super) settings: Arc<Settings>,
    pub(super) peer: SocketAddr,
    /// What the listener is bound to.
    pub(super) local: SocketAddr,
}

/// What is known of a client before it says what it speaks.
struct Arrived {
    connection: Connection,
    /// What was read of it already.
    first: Vec<u8>,
    /// What it connected to, as a proxy before us tells.
    local: Option<SocketAddr>,
}

impl<L> Opening<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Finds out who the client is and what it speaks, and serves it.
    pub(super) fn spawn(self, io: TcpStream, scheme: Scheme) {
        // Tasks of two kinds: a task is as large as the largest of its states.
        match scheme {
            Scheme::Http => drop(tokio::spawn(self.run_plain(io))),
            Scheme::Https => drop(tokio::spawn(self.run_tls(io))),
        }
    }

    /// What is known of a client before it says what it speaks; `None` if the connection must be closed.
    async fn arrive(&self, io: &mut TcpStream) -> Option<Arrived> {
        let connection = Connection::new(self.peer, self.local.port());
        if !self.settings.use_proxy_protocol {
            return Some(Arrived { connection, first: Vec::new(), local: None });
        }
        match Box::pin(self.proxy_header(io)).await? {
            (Header::Proxied { client, local }, first) => {
                let connection = connection.on_behalf_of(client, local.port());
                Some(Arrived { connection, first, local: Some(local) })
            }
            (Header::Local, first) => Some(Arrived { connection, first, local: None }),
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

    async fn run_plain(self, mut io: TcpStream) {
        let Some(Arrived { connection, first, .. }) = self.arrive(&mut io).await else { return };
        let limit = self.settings.client_header_timeout;
        let sniffed = self.unless_drained(timeout(limit, sniff(&mut io, first))).await;
        let Some(Ok(Ok(Some(sniffed)))) = sniffed else { return };
        // Without HTTP/2 its preface is a malformed request.
        let http2 = sniffed.http2 && self.settings.http2;
        let acceptor = self.acceptor.clone();
        let (transport, service, lifecycle) = self.prepare(io, http2, sniffed.first, connection);
        if http2 {
            Box::pin(serve_http2(transport, service, lifecycle, &acceptor.state.drain)).await;
        } else {
            Serving::new(transport, service, lifecycle, &acceptor.state.drain).await;
        }
    }

    async fn run_tls(self, mut io: TcpStream) {
        let Some(arrived) = self.arrive(&mut io).await else { return };
        let Some((terminated, connection)) = Box::pin(self.terminate(io, arrived)).await else { return };
        // The box ends with this block. What is taken apart where it is awaited lives as long as the connection.
        let (io, tls, http2) = {
            let done = terminated;
            (done.io, done.tls, done.http2)
        };
        let acceptor = self.acceptor.clone();
        let (transport, service, lifecycle) = self.prepare(io, http2, Vec::new(), connection.with_tls(tls));
        if http2 {
            Box::pin(serve_http2(transport, service, lifecycle, &acceptor.state.drain)).await;
        } else {
            Serving::new(transport, service, lifecycle, &acceptor.state.drain).await;
        }
    }

    /// Does the handshake; `None` if the connection went another way, and has ended.
    async fn terminate(
        &self,
        mut io: TcpStream,
        arrived: Arrived,
    ) -> Option<(Box<Terminated<TcpStream>>, Connection)> {
        let Arrived { connection, mut first, local } = arrived;
        if first.is_empty() {
            let read = timeout(self.settings.client_header_timeout, read_hello(&mut io, &mut first));
            let Some(Ok(Ok(1..))) = self.unless_drained(read).await else { return None };
        }
        if first.first() != Some(&HANDSHAKE) {
            let proxy = self.acceptor.proxy.with_connection(connection);
            self.unless_drained(plain_on_tls::answer(io, first, &proxy)).await;
            return None;
        }
        let published = self.acceptor.subscriber.published();
        let limit = self.acceptor.config.handshake_timeout;
        let handshake = handshake(Prefixed::new(io, first), &published);
        match self
            .unless_drained(timeout(limit, handshake))
            .await?
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        {
            Ok(Opened::Terminated(done)) => {
                self.acceptor.state.note_handshake(done.resumed);
                Some((done, connection))
            }
            Ok(Opened::Passed { io, first, name, to }) => {
                drop(published);
                let (Passthrough { upstream, send_proxy, .. }, group) =
                    self.acceptor.proxy.passthrough(&name, to);
                let local = local.or_else(|| io.local_addr().ok()).unwrap_or(self.local);
                let to = Forward { upstream, group, client: connection.client(), local, send_proxy, first };
                Box::pin(forward(io, to, &self.acceptor.proxy)).await;
                None
            }
            Err(error) => {
                self.acceptor.state.note_failed_handshake();
                tracing::debug!(client = %connection.client(), %error, "a handshake failed");
                None
            }
        }
    }

    /// What serves the requests of a connection. Not `async`: what an `async` function is given it has room for twice.
    fn prepare<T>(
        self,
        io: T,
        http2: bool,
        first: Vec<u8>,
        connection: Connection,
    ) -> (Transport<T>, Counted<L::Service>, Arc<Lifecycle>) {
        let Self { acceptor, open, settings, .. } = self;
        let proxy = acceptor.proxy.with_connection(connection);
        let lifecycle = Arc::new(Lifecycle::new(open));
        let transport = Transport::new(io, !http2, first, lifecycle.clone(), &settings, &acceptor.config);
        let service = (acceptor.layer.layer(proxy.clone()), proxy);
        let service =
            Counted::new(service, lifecycle.clone(), (settings, acceptor.config.send_timeout), !http2);
        (transport, service, lifecycle)
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

/// Reads what a client begins with. There is room for it only once it is there.
async fn read_hello(io: &mut TcpStream, first: &mut Vec<u8>) -> io::Result<usize> {
    io.readable().await?;
    first.reserve(USUAL_HELLO);
    io.read_buf(first).await
}
