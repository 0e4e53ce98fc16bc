//! Certificates from an API server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use harness::within;
use harness::world::World;
use ingress_core::tls::Facts;
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider};

/// A certificate for `host` that nobody vouches for but itself, and its Secret.
fn certificate(name: &str, host: &str) -> (Value, rcgen::Certificate) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([host.to_owned()]).unwrap().self_signed(&key).unwrap();
    let base64 = |text: String| serde_json::to_value(k8s_openapi::ByteString(text.into_bytes())).unwrap();
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": base64(certificate.pem()), "tls.key": base64(key.serialize_pem()) },
    });
    (secret, certificate)
}

/// The serial number of what is presented, if it is `expected`, which alone is believed.
async fn presented(address: SocketAddr, host: &str, expected: &rcgen::Certificate) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(expected.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let facts = Facts::of(&stream.get_ref().1.peer_certificates()?[0]).unwrap();
    Some(facts.serial_number)
}

#[tokio::test]
async fn a_secret_that_is_written_anew_is_presented_within_a_second() {
    let world = World::in_memory().await;
    let host = "a.test";
    let (secret, first) = certificate("a-tls", host);
    world.put(&secret).await;
    world
        .put(&json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": { "name": "web" },
            "spec": {
                "ingressClassName": world.name(),
                "tls": [{ "hosts": [host], "secretName": "a-tls" }],
                "rules": [{ "host": host }],
            },
        }))
        .await;
    let mut config = world.config();
    config.https = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    let controller = within("the start", ingress_controller::Controller::start(config)).await.unwrap();
    let address = controller.https_addresses()[0];
    let live = async |certificate: &rcgen::Certificate| {
        world.until("the certificate", async || presented(address, host, certificate).await).await
    };
    let mut before = live(&first).await;
    for _ in 0..3 {
        let (secret, next) = certificate("a-tls", host);
        world.put(&secret).await;
        let serial = live(&next).await;
        assert_ne!(serial, before);
        before = serial;
    }
    // A Secret that nobody refers to is kept without its content, and is no certificate.
    let (other, unused) = certificate("unused", "b.test");
    world.put(&other).await;
    assert_eq!(presented(address, "b.test", &unused).await, None);
    controller.drain(harness::DEADLINE).await;
}
