//! Opening connections to endpoints.

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use ingress_core::policy::{Protocol, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::http1::Io;
use crate::body::Body;
use crate::error::{Error, Kind};
use crate::tls::upstream::{Client, Clients};

/// How many requests a connection of HTTP/2 carries at once at most; an endpoint may want fewer.
pub(super) const STREAMS: usize = 100;
/// How much of an answer over HTTP/2 is held for a client that is slow to take it.
const BUFFER: u32 = 256 * 1024;
/// The most bytes of the fields of one answer over HTTP/2.
const FIELDS: u32 = 64 * 1024;

/// How the endpoints of a group are connected to.
#[derive(Debug)]
pub(crate) struct Connector {
    tls: Option<Arc<Client>>,
    http2: bool,
    /// The name of endpoints that have no other.
    host: Arc<str>,
}

/// A connection of HTTP/2, and the ways to know and end it.
pub(super) struct Http2 {
    pub(super) sender: http2::SendRequest<Body>,
    pub(super) room: Arc<Room>,
    /// The task that owns the socket.
    pub(super) task: Option<AbortHandle>,
}

/// How many requests an endpoint takes at once over one connection.
#[derive(Debug)]
pub(super) struct Room {
    streams: AtomicUsize,
    task: AtomicWaker,
}

impl Room {
    /// How many. An endpoint that takes none for now still takes one: it waits there for its turn.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Relaxed).clamp(1, STREAMS)
    }

    /// To be called when the endpoint has said something: nothing else makes hyper look at what it said of itself.
    pub(super) fn look(&self) {
        self.task.wake();
    }
}

impl Connector {
    pub(super) fn new(transport: &Transport, clients: &Clients, host: Arc<str>) -> Arc<Self> {
        let http2 = matches!(transport.protocol, Protocol::Grpc | Protocol::Grpcs);
        let tls = matches!(transport.protocol, Protocol::Https | Protocol::Grpcs);
        Arc::new(Self { tls: tls.then(|| clients.get(&transport.tls, http2)), http2, host })
    }

    /// True if connections are shared by many requests.
    pub(super) fn is_http2(&self) -> bool {
        self.http2
    }

    /// Connects. `timeout` is for all of it, with the handshake of TLS if there is one.
    ///
    /// # Errors
    /// [`Kind::Connect`] or [`Kind::ConnectTimeout`].
    pub(super) async fn http1(&self, address: SocketAddr, timeout: Duration) -> Result<Io, Error> {
        within(timeout, async {
            let stream = tcp(address).await?;
            match &self.tls {
                None => Ok(Io::Plain(stream)),
                Some(tls) => Ok(Io::Tls(Box::new(secure(tls, stream, address, &self.host).await?))),
            }
        })
        .await
    }

    /// Connects for HTTP/2, and leaves the connection to a task of its own. `timeout` likewise.
    ///
    /// # Errors
    /// [`Kind::Connect`] or [`Kind::ConnectTimeout`].
    pub(super) async fn http2(&self, address: SocketAddr, timeout: Duration) -> Result<Http2, Error> {
        within(timeout, async {
            let stream = tcp(address).await?;
            match &self.tls {
                None => speak_http2(stream, address).await,
                Some(tls) => speak_http2(secure(tls, stream, address, &self.host).await?, address).await,
            }
        })
        .await
    }
}

async fn within<T>(
    timeout: Duration,
    connecting: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(timeout, connecting).await.map_err(|_| Kind::ConnectTimeout)?
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    // Without it a small write can wait for the acknowledgement of the one before; a socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn secure(
    tls: &Client,
    stream: TcpStream,
    address: SocketAddr,
    host: &str,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Error> {
    tls.handshake(stream, address, host).await.map_err(failed)
}

fn failed(error: impl Into<crate::body::BoxError>) -> Error {
    Error::with(Kind::Connect, error)
}

/// Whatever clients do not take, the window of the connection has room for the windows of all its streams: a slow client stops nobody
/// else. No pings: there are servers of gRPC that hang up on who sends them; an endpoint that says nothing is found by the read timeout.
async fn speak_http2<T>(stream: T, address: SocketAddr) -> Result<Http2, Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let tasks = Tasks::default();
    let mut builder = http2::Builder::new(tasks.clone());
    builder
        .initial_stream_window_size(BUFFER)
        .initial_connection_window_size(BUFFER * STREAMS as u32)
        .max_send_buf_size(BUFFER as usize)
        .max_header_list_size(FIELDS)
        .max_concurrent_reset_streams(10 * STREAMS);
    let (sender, mut connection) = builder.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let room = Arc::new(Room { streams: AtomicUsize::new(STREAMS), task: AtomicWaker::new() });
    let told = room.clone();
    tokio::spawn(async move {
        let ended = std::future::poll_fn(|cx| {
            let ended = std::pin::Pin::new(&mut connection).poll(cx);
            told.task.register(cx.waker());
            told.streams.store(connection.current_max_send_streams(), Relaxed);
            ended
        });
        if let Err(error) = ended.await {
            tracing::debug!(%address, %error, "connection to an endpoint ended early");
        }
    });
    Ok(Http2 { sender, room, task: tasks.first.get().cloned() })
}

/// Spawns what hyper asks for, and keeps hold of the first: the task that owns the socket, which hyper spawns in the handshake.
#[derive(Clone, Default)]
struct Tasks {
    first: Arc<OnceLock<AbortHandle>>,
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let task = tokio::spawn(future);
        if self.first.get().is_none() {
            let _ = self.first.set(task.abort_handle());
        }
    }
}
