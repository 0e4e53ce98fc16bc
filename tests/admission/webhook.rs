//! The webhook's files and its port, without an API server between.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use harness::within;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, and a certificate of it in files as the kubelet mounts a Secret: links to a folder that is swapped.
pub(crate) struct Files {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    generation: AtomicUsize,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = Self { folder, authority, generation: AtomicUsize::new(0) };
        files.renew();
        for path in [files.certificate(), files.key()] {
            symlink(PathBuf::from("..data").join(path.file_name().unwrap()), &path).unwrap();
        }
        files
    }

    /// Swaps certificate and key for new ones of the same authority, and gives the certificate.
    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let name = format!("..{}", self.generation.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder.path().join(&name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        let link = self.folder.path().join("..new");
        symlink(name, &link).unwrap();
        fs::rename(link, self.folder.path().join("..data")).unwrap();
        certificate.der().clone()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// The authority's certificate, PEM.
    pub(crate) fn authority(&self) -> Vec<u8> {
        self.authority.pem().into_bytes()
    }

    /// Connects as whoever trusts the authority.
    pub(crate) async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// Connects, ready for a question.
    pub(crate) async fn open(&self, address: SocketAddr) -> SendRequest<Full<Bytes>> {
        let stream = self.connect(address).await.expect("a connection to the webhook");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection for HTTP");
        tokio::spawn(connection);
        sender
    }

    /// Status and body of the answer to a question on a connection of its own.
    pub(crate) async fn ask(&self, address: SocketAddr, body: impl Into<Bytes>) -> (u16, Value) {
        let body = body.into();
        within("an answer of the webhook", async {
            let mut sender = self.open(address).await;
            send(&mut sender, body).await
        })
        .await
    }
}

/// Asks on an open connection.
pub(crate) async fn send(sender: &mut SendRequest<Full<Bytes>>, body: impl Into<Bytes>) -> (u16, Value) {
    let request = Request::post("/networking/v1/ingresses?timeout=10s")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap();
    let answer = sender.send_request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

/// A question about this object.
pub(crate) fn review(operation: &str, object: &Value) -> Value {
    let (group, version) = object["apiVersion"].as_str().unwrap().split_once('/').unwrap();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": group, "version": version, "kind": object["kind"] },
            "namespace": object["metadata"]["namespace"],
            "name": object["metadata"]["name"],
            "operation": operation,
            "userInfo": { "username": "somebody" },
            "object": object,
        },
    })
}
