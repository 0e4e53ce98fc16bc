//! An endpoint that says how it was spoken to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub(crate) type Fault = h2::Error;
pub(crate) type PeerBody = UnsyncBoxBody<Bytes, Fault>;
pub(crate) type Handled = Result<Response<PeerBody>, Fault>;
pub(crate) type Handler = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Handled> + Send + Sync>;

/// What it speaks.
#[derive(Clone)]
pub(crate) struct Speech {
    pub(crate) http2: bool,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) streams: u32,
}

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    opened: Arc<AtomicUsize>,
    closed: Arc<watch::Sender<usize>>,
    leaving: watch::Sender<bool>,
}

/// What is known of a connection; told in the header of each answer.
#[derive(Clone, Default)]
struct Facts {
    number: usize,
    secure: bool,
    sni: String,
    alpn: String,
    client: String,
    resumed: bool,
}

impl Peer {
    /// Speaks HTTP/1.1, and TLS to those who begin with it.
    pub(crate) async fn http1(tls: Option<Arc<ServerConfig>>) -> Self {
        Self::start(Speech { http2: false, tls, streams: 200 }, handler(|_| async { text("") })).await
    }

    /// Speaks HTTP/2.
    pub(crate) async fn http2<F>(handle: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Handled> + Send + 'static,
    {
        Self::start(Speech { http2: true, tls: None, streams: 1000 }, handler(handle)).await
    }

    pub(crate) async fn start(speech: Speech, handle: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let opened = Arc::new(AtomicUsize::new(0));
        let (leaving, left) = watch::channel(false);
        let closed = Arc::new(watch::Sender::new(0));
        let (count, ends) = (opened.clone(), closed.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, SeqCst) + 1;
                let (speech, handle, left, ends) =
                    (speech.clone(), handle.clone(), left.clone(), ends.clone());
                tokio::spawn(async move {
                    accept(stream, number, speech, handle, left).await;
                    ends.send_modify(|count| *count += 1);
                });
            }
        });
        Self { address, opened, closed, leaving }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.opened.load(SeqCst)
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn ended(&self, count: usize) {
        let mut closed = self.closed.subscribe();
        super::within("the end of connections", closed.wait_for(|ended| *ended >= count)).await.unwrap();
    }

    /// Says GOAWAY on all connections, and finishes what runs.
    pub(crate) fn leave(&self) {
        self.leaving.send_replace(true);
    }
}

pub(crate) fn handler<F>(handle: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Handled> + Send + 'static,
{
    Arc::new(move |request| Box::pin(handle(request)))
}

pub(crate) fn text(text: impl Into<Bytes>) -> Handled {
    Ok(Response::new(Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed_unsync()))
}

async fn accept(
    stream: TcpStream,
    number: usize,
    speech: Speech,
    handle: Handler,
    left: watch::Receiver<bool>,
) {
    let mut first = [0];
    let secure = stream.peek(&mut first).await.is_ok() && first == [0x16];
    let mut facts = Facts { number, secure, ..Facts::default() };
    let Some(tls) = speech.tls.clone().filter(|_| secure) else {
        return serve(stream, facts, &speech, handle, left).await;
    };
    let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
    let (_, session) = stream.get_ref();
    facts.sni = session.server_name().unwrap_or_default().into();
    facts.alpn = String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default()).into();
    facts.resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    if let Some([first, ..]) = session.peer_certificates() {
        facts.client = ingress_proxy::core::tls::Facts::of(first).unwrap().names.join(",");
    }
    serve(stream, facts, &speech, handle, left).await;
}

async fn serve<T>(stream: T, facts: Facts, speech: &Speech, handle: Handler, mut left: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (facts, version, answering) = (facts.clone(), request.version(), handle(request));
        async move {
            answering.await.map(|mut response| {
                for (name, value) in [
                    ("x-connection", facts.number.to_string()),
                    ("x-secure", facts.secure.to_string()),
                    ("x-sni", facts.sni),
                    ("x-alpn", facts.alpn),
                    ("x-client", facts.client),
                    ("x-resumed", facts.resumed.to_string()),
                    ("x-version", format!("{version:?}")),
                ] {
                    response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
                }
                response
            })
        }
    });
    let io = TokioIo::new(stream);
    if !speech.http2 {
        let _ = http1::Builder::new().serve_connection(io, service).await;
        return;
    }
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(speech.streams);
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = left.wait_for(|left| *left) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
