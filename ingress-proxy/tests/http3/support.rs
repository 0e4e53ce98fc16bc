//! A server with a certificate, an endpoint behind it, and clients for it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use h3::client::SendRequest;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ingress_proxy::core::tls::{Certificate, TlsTable};
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Settings, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Publisher, Running, Server, channel};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

/// The host of all tests.
pub(crate) const HOST: &str = "a.test";

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) publisher: Publisher,
    /// What the endpoint has got: whole bodies, and bodies that broke off.
    pub(crate) bodies: mpsc::UnboundedReceiver<Result<Bytes, ()>>,
    certificate: Arc<Certificate>,
    endpoint: SocketAddr,
}

/// A client's side of a connection.
pub(crate) struct Client {
    pub(crate) requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
    pub(crate) connection: quinn::Connection,
    _endpoint: quinn::Endpoint,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Response<()>,
    pub(crate) body: Vec<u8>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (endpoint, bodies) = endpoint().await;
        let certificate = certificate();
        let (publisher, subscriber) = channel(snapshot(&certificate, endpoint, true));
        let running = Server::new(subscriber, config)
            .listen_tls(([127, 0, 0, 1], 0).into())
            .workers(NonZeroUsize::new(2).unwrap())
            .start()
            .unwrap();
        Self { running, publisher, bodies, certificate, endpoint }
    }

    /// Turns HTTP/3 on or off.
    pub(crate) fn speak_http3(&self, http3: bool) {
        assert!(self.publisher.publish(snapshot(&self.certificate, self.endpoint, http3)));
    }

    /// Where HTTP/3 is spoken, once it is.
    pub(crate) async fn address(&self) -> SocketAddr {
        until("HTTP/3", || !self.running.http3_addresses().is_empty()).await;
        assert_eq!(self.running.http3_addresses(), self.running.tls_addresses());
        self.running.http3_addresses()[0]
    }

    /// A connection of QUIC by a client that trusts the certificate of the host alone.
    pub(crate) async fn connect(&self) -> (quinn::Endpoint, quinn::Connection) {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.chain[0].clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap();
        let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
        let connecting = endpoint.connect_with(config, self.address().await, HOST).unwrap();
        let connection = within("a handshake", connecting).await.unwrap();
        (endpoint, connection)
    }

    pub(crate) async fn client(&self) -> Client {
        let (endpoint, connection) = self.connect().await;
        let (mut driver, requests) =
            h3::client::new(h3_quinn::Connection::new(connection.clone())).await.unwrap();
        tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        Client { requests, connection, _endpoint: endpoint }
    }
}

impl Client {
    /// Sends a request with a body in one piece.
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Answer, h3::error::StreamError> {
        let mut requests = self.requests.clone();
        let stream = within("a stream", requests.send_request(request)).await?;
        let (mut send, mut receive) = stream.split();
        // The answer may come before all was sent, and then the rest is of no interest.
        let upload = async {
            if !body.is_empty() {
                let _ = send.send_data(body).await;
            }
            let _ = send.finish().await;
        };
        let answer = async {
            let head = receive.recv_response().await?;
            let mut body = Vec::new();
            while let Some(mut data) = receive.recv_data().await? {
                body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
            Ok(Answer { head, body })
        };
        let both = async { tokio::join!(upload, answer).1 };
        within("an answer", both).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, h3::error::StreamError> {
        self.send(get(path), Bytes::new()).await
    }
}

pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(format!("https://{HOST}{path}")).body(()).unwrap()
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn certificate() -> Arc<Certificate> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let made = CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
    let (chain, key) = (made.pem(), key.serialize_pem());
    Arc::new(Certificate::from_pem(HOST, chain.as_bytes(), key.as_bytes()).unwrap())
}

fn snapshot(certificate: &Arc<Certificate>, endpoint: SocketAddr, http3: bool) -> Snapshot {
    let route = Route::new(
        HostPattern::parse(HOST).unwrap(),
        PathPattern::prefix("/").unwrap(),
        Backend::Upstream("u".into()),
    );
    let tls = TlsTable::builder().certificate(HOST, Some(certificate.clone())).build();
    let mut settings = Settings::default();
    settings.http3 = http3;
    let builder = Snapshot::builder().upstream(Upstream::new("u", [endpoint])).route(route);
    builder.tls(tls).settings(settings).build().unwrap()
}

/// An endpoint that sends bodies back, with what it has seen of the head. On `/cut` it breaks off.
async fn endpoint() -> (SocketAddr, mpsc::UnboundedReceiver<Result<Bytes, ()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (bodies, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let bodies = bodies.clone();
            let service = service_fn(move |request| answer(request, bodies.clone()));
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(io), service));
        }
    });
    (address, seen)
}

/// An answer of `/slow` goes out for each permit.
pub(crate) static HELD: Semaphore = Semaphore::const_new(0);

async fn answer(
    request: Request<Incoming>,
    bodies: mpsc::UnboundedSender<Result<Bytes, ()>>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).map_err(drop);
    let _ = bodies.send(body.clone());
    let mut response = Response::builder().header("seen-host", head.headers["host"].clone());
    for (seen, name) in [
        ("seen-length", "content-length"),
        ("seen-encoding", "transfer-encoding"),
        ("seen-client", "x-forwarded-for"),
        ("seen-cookie", "cookie"),
    ] {
        if let Some(value) = head.headers.get(name) {
            response = response.header(seen, value);
        }
    }
    let body = match head.uri.path() {
        "/cut" => {
            response = response.header("content-length", 1000);
            Body::new(http_body_util::Full::new(Bytes::from_static(b"half")).map_frame(|frame| frame))
        }
        "/slow" => {
            HELD.acquire().await.unwrap().forget();
            Body::full("slow")
        }
        _ => Body::full(body.unwrap_or_default()),
    };
    Ok(response.header("connection", "keep-alive").body(body).unwrap())
}

pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let done = tokio::time::timeout(Duration::from_secs(30), future).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, wait).await;
}
