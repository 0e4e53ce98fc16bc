//! Certificates, authorities and TCP services from an API server, which come, change and go while it is served.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use harness::within;
use harness::world::{ReservedPort, World, ask};
use ingress_core::ObjectName;
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

fn object(world: &World, name: &str) -> Option<ObjectName> {
    Some(ObjectName { namespace: world.name().into(), name: name.into() })
}

#[tokio::test]
async fn the_default_certificate_may_come_later_change_and_go() {
    let world = World::in_memory().await;
    let mut config = world.config();
    config.https = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config.options.default_certificate = object(&world, "default-tls");
    let controller = within("the start", ingress_controller::Controller::start(config)).await.unwrap();
    let address = controller.https_addresses()[0];
    let host = "nobody.test";
    for _ in 0..2 {
        let (secret, certificate) = certificate("default-tls", host);
        world.put(&secret).await;
        world.until("the certificate", async || presented(address, host, &certificate).await).await;
    }
    world.delete("Secret", "default-tls").await;
    let (_, gone) = certificate("default-tls", host);
    let fake = async || {
        let report = &controller.published().borrow().clone().report;
        report.findings.iter().any(|finding| finding.reason == "MissingSecret").then_some(())
    };
    world.until("the finding", fake).await;
    assert_eq!(presented(address, host, &gone).await, None);
    controller.drain(harness::DEADLINE).await;
}

#[tokio::test]
async fn a_host_is_closed_until_its_authorities_are_there_and_when_they_go() {
    let world = World::in_memory().await;
    let host = "closed.test";
    let upstream = world.upstream("web").await;
    world.put_service("web", &[&upstream]).await;
    world
        .put(&json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": { "name": "web", "annotations": {
                "nginx.ingress.kubernetes.io/auth-tls-secret": format!("{}/clients", world.name()),
            } },
            "spec": { "rules": [{ "host": host, "http": { "paths": [
                { "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "number": 80 } } } },
            ] } }] },
        }))
        .await;
    let controller = world.controller().await;
    let status = async |expected: u16| {
        let asked = async || {
            let status = ask(controller.address(), host, "/").await.unwrap().status;
            // Nobody gets through at any time.
            assert_ne!(status, 200);
            (status == expected).then_some(())
        };
        world.until(format!("the status {expected}"), asked).await;
    };
    let (_, authority) = certificate("clients", "clients");
    let text = serde_json::to_value(k8s_openapi::ByteString(authority.pem().into_bytes())).unwrap();
    let secret =
        |data| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clients"}, "data": data});
    status(403).await;
    world.put(&secret(json!({ "ca.crt": text }))).await;
    status(400).await;
    world.put(&secret(json!({ "ca.crt": "bm9uZQ==" }))).await;
    status(403).await;
    world.put(&secret(json!({ "ca.crt": text }))).await;
    status(400).await;
    world.delete("Secret", "clients").await;
    status(403).await;
}

#[tokio::test]
async fn ports_of_tcp_services_come_and_go_with_the_config_map() {
    let world = World::in_memory().await;
    let upstream = world.upstream("stream").await;
    world.put_service("web", &[&upstream]).await;
    let mut config = world.config();
    config.options.tcp_services = object(&world, "tcp");
    let controller = within("the start", ingress_controller::Controller::start(config)).await.unwrap();
    let ports = [ReservedPort::new(), ReservedPort::new()];
    for (open, closed) in [(&ports[0], &ports[1]), (&ports[1], &ports[0])] {
        world
            .put(&json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": "tcp" },
                "data": { (open.address().port().to_string()): format!("{}/web:80", world.name()) },
            }))
            .await;
        let answered =
            async || ask(open.address(), "any", "/").await.ok().filter(|answer| answer.status == 200);
        world.until("the port to open", answered).await;
        let refused = async || TcpStream::connect(closed.address()).await.err();
        world.until("the other port to close", refused).await;
    }
    controller.drain(harness::DEADLINE).await;
}
