//! A server with certificates, and clients for it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ingress_proxy::core::tls::{Certificate, TlsTable, TlsTableBuilder};
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Settings, Snapshot, Upstream};
use ingress_proxy::{Config, Publisher, Running, Server, channel};
use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

/// A self-signed certificate for these names, with a key of this kind.
pub(crate) fn certificate(names: &[&str], key: &'static SignatureAlgorithm) -> Arc<Certificate> {
    let key = KeyPair::generate_for(key).unwrap();
    let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let made = params.unwrap().self_signed(&key).unwrap();
    let (chain, key) = (made.pem(), key.serialize_pem());
    Arc::new(Certificate::from_pem(names.join(" "), chain.as_bytes(), key.as_bytes()).unwrap())
}

/// The same with an ECDSA key, the quickest to make.
pub(crate) fn ecdsa(names: &[&str]) -> Arc<Certificate> {
    certificate(names, &rcgen::PKCS_ECDSA_P256_SHA256)
}

/// A table with these certificates for all of their names, and `default.test` where there is no other.
pub(crate) fn table(certificates: &[Arc<Certificate>]) -> TlsTableBuilder {
    let builder = TlsTable::builder().default_certificate(ecdsa(&["default.test"]));
    certificates.iter().fold(builder, |builder, certificate| {
        let names = &certificate.facts.names;
        names
            .iter()
            .fold(builder, |builder, name| builder.certificate(name.as_str(), Some(certificate.clone())))
    })
}

/// A server on a free port.
pub(crate) struct World {
    pub(crate) publisher: Publisher,
    pub(crate) running: Running,
    endpoint: SocketAddr,
}

/// What a snapshot is made of.
#[derive(Default, Clone)]
pub(crate) struct Parts {
    pub(crate) tls: Arc<TlsTable>,
    pub(crate) settings: Settings,
    /// Hosts of rules, beside the one without a host.
    pub(crate) hosts: Vec<&'static str>,
    /// Upstreams beside that of all rules.
    pub(crate) upstreams: Vec<(&'static str, SocketAddr)>,
}

impl World {
    /// Two workers with these parts.
    pub(crate) async fn new(parts: &Parts) -> Self {
        Self::with(parts, Config::default(), 2).await
    }

    pub(crate) async fn with(parts: &Parts, config: Config, workers: usize) -> Self {
        let endpoint = endpoint().await;
        let (publisher, subscriber) = channel(snapshot(parts, endpoint));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::new(subscriber, config).listen(loopback).listen_tls(loopback);
        let running = server.workers(NonZeroUsize::new(workers).unwrap()).start().unwrap();
        Self { publisher, running, endpoint }
    }

    pub(crate) fn publish(&self, parts: &Parts) {
        assert!(self.publisher.publish(snapshot(parts, self.endpoint)));
    }

    /// Where HTTP is spoken over TLS.
    pub(crate) fn tls(&self) -> SocketAddr {
        self.running.tls_addresses()[0]
    }

    /// Where HTTP is spoken as it is.
    pub(crate) fn plain(&self) -> SocketAddr {
        self.running.addresses()[0]
    }
}

fn snapshot(parts: &Parts, endpoint: SocketAddr) -> Snapshot {
    let hosts = parts.hosts.iter().map(|host| HostPattern::parse(host).unwrap()).chain([HostPattern::Any]);
    let routes =
        hosts.map(|host| Route::new(host, PathPattern::prefix("/").unwrap(), Backend::Upstream("u".into())));
    let builder = Snapshot::builder().upstream(Upstream::new("u", [endpoint]));
    let more = parts.upstreams.iter().map(|(name, address)| Upstream::new(*name, [*address]));
    let builder = more.fold(builder, |builder, upstream| builder.upstream(upstream));
    let builder = routes.fold(builder, |builder, route| builder.route(route));
    builder.tls(parts.tls.clone()).settings(parts.settings.clone()).build().unwrap()
}

/// An endpoint that answers each request with its head.
async fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Some(head) = head(&mut stream).await {
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// A client that takes any certificate and remembers sessions.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) config: ClientConfig,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::of(rustls::ALL_VERSIONS, None)
    }

    pub(crate) fn speaking(version: &'static SupportedProtocolVersion) -> Self {
        Self::of(&[version], None)
    }

    fn of(
        versions: &[&'static SupportedProtocolVersion],
        shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Self {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
        let mut config = match shown {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(64);
        Self { config }
    }

    pub(crate) fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// The same with other cryptography, for TLS 1.2.
    pub(crate) fn with_provider(mut self, provider: CryptoProvider) -> Self {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
        self.config = builder.with_no_client_auth();
        self
    }

    pub(crate) fn without_name(mut self) -> Self {
        self.config.enable_sni = false;
        self
    }

    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(address).await?, name).await
    }

    pub(crate) async fn over<T>(&self, io: T, name: &str) -> std::io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(self.config.clone())).connect(name, io).await
    }

    /// The names of the certificate that is presented for a name.
    pub(crate) async fn presented(&self, address: SocketAddr, name: &str) -> String {
        let stream = self.connect(address, name).await.unwrap();
        let chain = stream.get_ref().1.peer_certificates().unwrap();
        ingress_proxy::core::tls::Facts::of(&chain[0]).unwrap().names.join(" ")
    }
}

/// One request over a connection that stays open; the answer, head and body.
pub(crate) async fn get<T: AsyncRead + AsyncWrite + Unpin>(io: &mut T, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        assert_ne!(io.read_buf(&mut answer).await.unwrap(), 0, "{}", answer.escape_ascii());
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ").map(|length| length.parse().unwrap())
        });
        if length == Some(body.len()) {
            return text;
        }
    }
}

/// All that comes until the server closes.
pub(crate) async fn read_all<T: AsyncRead + Unpin>(io: &mut T) -> Vec<u8> {
    let mut all = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), io.read_to_end(&mut all)).await;
    // A reset is an end, too.
    let _ = read.expect("the server closes the connection");
    all
}

/// Takes whatever a server shows.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Waits for something that will come about.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
}
