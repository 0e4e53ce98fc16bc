//! Clients and servers of TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, HandshakeKind, ProtocolVersion, RootCertStore,
    ServerConfig, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::io::Io;
use crate::{Authority, Identity, within};

/// How a client begins. Clones share their sessions.
#[derive(Debug, Clone)]
pub struct Tls {
    config: ClientConfig,
}

/// What came of a handshake.
#[derive(Debug, Clone)]
pub struct Agreed {
    /// The certificates that the other side has shown, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The protocol that was chosen.
    pub alpn: Option<String>,
    /// The version of TLS.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub cipher: CipherSuite,
    /// An earlier session went on.
    pub resumed: bool,
    /// The name that the client has asked for; known to servers.
    pub server_name: Option<String>,
}

impl Agreed {
    pub(crate) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let (_, state) = stream.get_ref();
        let server_name = match stream {
            TlsStream::Server(server) => server.get_ref().1.server_name().map(str::to_owned),
            TlsStream::Client(_) => None,
        };
        Self {
            chain: state
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|der| der.clone().into_owned())
                .collect(),
            alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            version: state.protocol_version().expect("a version after the handshake"),
            cipher: state.negotiated_cipher_suite().expect("a cipher suite after the handshake").suite(),
            resumed: matches!(state.handshake_kind(), Some(HandshakeKind::Resumed)),
            server_name,
        }
    }

    /// The certificate of the other side.
    ///
    /// # Panics
    /// If it has shown none.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.chain.first().expect("a certificate")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Tls {
    /// Believes only this authority, and looks at names and dates.
    ///
    /// # Panics
    /// If it cannot be used.
    pub fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("an authority");
        Self::with(provider(), rustls::ALL_VERSIONS, |builder| {
            builder.with_root_certificates(roots).with_no_client_auth()
        })
    }

    /// Takes any certificate, for a test that looks at it by itself.
    pub fn any() -> Self {
        Self::any_with(rustls::ALL_VERSIONS, None)
    }

    /// As [`any`](Self::any), with these versions, and with this cipher suite alone where one is given.
    pub fn any_with(versions: &[&'static SupportedProtocolVersion], cipher: Option<CipherSuite>) -> Self {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| cipher.is_none_or(|only| suite.suite() == only));
        let provider = Arc::new(provider);
        let verifier = Arc::new(Anybody(provider.clone()));
        Self::with(provider, versions, |builder| {
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        })
    }

    fn with(
        provider: Arc<CryptoProvider>,
        versions: &[&'static SupportedProtocolVersion],
        finish: impl FnOnce(rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>) -> ClientConfig,
    ) -> Self {
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
        Self { config: finish(builder.expect("versions of TLS")) }
    }

    /// Offers these protocols.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Names no server.
    #[must_use]
    pub fn without_sni(mut self) -> Self {
        self.config.enable_sni = false;
        self
    }

    /// Shows a certificate where one is asked for.
    ///
    /// # Panics
    /// If its key cannot be used.
    #[must_use]
    pub fn showing(mut self, identity: &Identity) -> Self {
        let provider = self.config.crypto_provider();
        let key = provider.key_provider.load_private_key(identity.key()).expect("a key");
        let certified = rustls::sign::CertifiedKey::new(identity.chain.clone(), key);
        self.config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        self
    }

    /// The same for QUIC.
    pub fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// Does the handshake for a host with whoever listens there.
    ///
    /// # Errors
    /// What the system or the other side says.
    pub async fn handshake(&self, address: SocketAddr, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let stream = within(format!("a connection to {address}"), TcpStream::connect(address)).await?;
        self.handshake_on(stream, host).await
    }

    /// Does the handshake for a host on a connection.
    ///
    /// # Errors
    /// What the system or the other side says.
    pub async fn handshake_on(&self, stream: TcpStream, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let _ = stream.set_nodelay(true);
        let name = ServerName::try_from(host.to_owned()).expect("the name of a server");
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        within(format!("a handshake for {host}"), Box::pin(connector.connect(name, stream)))
            .await
            .map(TlsStream::Client)
    }
}

/// Believes every certificate, but not a signature that is wrong.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

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
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A server of TLS, for endpoints.
#[derive(Clone)]
pub struct TlsServer {
    pub(crate) acceptor: TlsAcceptor,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsServer")
    }
}

impl TlsServer {
    /// Shows this certificate to everybody, and takes the first of these protocols that a client offers. Where an authority is given,
    /// clients must show a certificate of it.
    ///
    /// # Panics
    /// If the certificate cannot be used.
    pub fn new(identity: &Identity, protocols: &[&str], clients: Option<&Authority>) -> Self {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der().clone()).expect("an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let mut config =
            builder.with_single_cert(identity.chain.clone(), identity.key()).expect("a certificate");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(Io, Agreed)> {
        let stream = TlsStream::Server(self.acceptor.accept(stream).await?);
        let agreed = Agreed::of(&stream);
        Ok((Io::Tls(Box::new(stream)), agreed))
    }
}
