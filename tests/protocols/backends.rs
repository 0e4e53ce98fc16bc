//! What is spoken with endpoints: what the annotation says, or else what the port of the Service says.

use std::sync::Arc;

use harness::{Authority, Manifests, ServicePort, Tls, TlsServer, Upstream, start};

fn web(port: ServicePort, protocol: Option<&str>) -> Manifests {
    let mut manifests = Manifests::new().ingress("web");
    if let Some(protocol) = protocol {
        manifests = manifests.nginx("backend-protocol", protocol);
    }
    manifests.host("a.test").prefix("/", "web", 80).service_ports("web", &[port])
}

fn server() -> TlsServer {
    TlsServer::new(&Authority::new("endpoints").server(&["web"]), &["h2", "http/1.1"], None)
}

#[tokio::test]
async fn https_by_annotation_or_by_the_port() {
    let upstream = Upstream::named_tls(server(), "over tls").await;
    let port = || ServicePort::tcp(80, [upstream.address()]);
    for (port, protocol) in [
        (port(), Some("HTTPS")),
        (port(), Some("https")),
        (port().speaks("https"), None),
        (port().speaks("kubernetes.io/wss"), None),
        (port().speaks("wss"), None),
        (port().speaks("http"), Some("HTTPS")),
    ] {
        let what = format!("{port:?} {protocol:?}");
        let harness = start(&web(port, protocol)).await;
        let answer = harness.get("a.test", "/").await;
        assert_eq!((answer.status, answer.text()), (200, "over tls"), "{what}");
        let agreed = upstream.handshakes().pop().unwrap();
        assert_eq!((agreed.alpn.as_deref(), agreed.server_name), (Some("http/1.1"), None), "{what}");
    }
    // Connections are kept, and sessions go on.
    let harness = start(&web(port(), Some("HTTPS"))).await;
    let before = upstream.handshakes().len();
    let mut client = harness.connect().await;
    for _ in 0..10 {
        assert_eq!(client.get("a.test", "/").await.status, 200);
    }
    assert_eq!(upstream.handshakes().len(), before + 1);
}

#[tokio::test]
async fn http_by_annotation_or_by_the_port() {
    let upstream = Upstream::named("plain").await;
    let port = || ServicePort::tcp(80, [upstream.address()]);
    for (port, protocol) in [
        (port(), None),
        (port(), Some("HTTP")),
        (port().speaks("https"), Some("HTTP")),
        (port().speaks("kubernetes.io/ws"), None),
        (port().speaks("ws"), None),
        (port().speaks("example.com/unknown"), None),
    ] {
        let what = format!("{port:?} {protocol:?}");
        let harness = start(&web(port, protocol)).await;
        assert_eq!(harness.get("a.test", "/").await.text(), "plain", "{what}");
    }
}

#[tokio::test]
async fn what_the_client_speaks() {
    // The same port with TLS and without, as AUTO_HTTP needs: told apart by the first byte.
    let (plain, tls) = (Upstream::named("plain").await, Upstream::named_tls(server(), "tls").await);
    let (to_plain, to_tls) = (plain.address(), tls.address());
    let both = Upstream::script(move |mut conn| async move {
        let first = conn.some().await?;
        let address = if first.first() == Some(&0x16) { to_tls } else { to_plain };
        let mut other = tokio::net::TcpStream::connect(address).await?;
        tokio::io::AsyncWriteExt::write_all(&mut other, &first).await?;
        tokio::io::copy_bidirectional(&mut conn, &mut other).await.map(drop)
    })
    .await;
    let manifests = web(ServicePort::tcp(80, [both.address()]), Some("AUTO_HTTP"));
    let harness = start(&manifests).await;
    for _ in 0..2 {
        assert_eq!(harness.get("a.test", "/").await.text(), "plain");
        let answer = Tls::any().connect(harness.https(), "a.test").await.get("a.test", "/").await;
        assert_eq!(answer.text(), "tls");
    }
}

#[tokio::test]
async fn fast_cgi_is_refused_and_told_of() {
    let upstream = Upstream::named("web").await;
    let manifests = web(ServicePort::tcp(80, [upstream.address()]), Some("FCGI"));
    let manifests = manifests.ingress("other").host("b.test").prefix("/", "web", 80);
    let harness = start(&manifests).await;
    assert_eq!(harness.get("a.test", "/").await.status, 503);
    assert_eq!(harness.get("b.test", "/").await.status, 200);
    harness.finding(&["default/web", "backend-protocol", "FCGI"]);
    let harness = start(&web(ServicePort::tcp(80, [upstream.address()]), Some("SPDY"))).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    harness.finding(&["default/web", "backend-protocol", "SPDY"]);
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_tls_is_a_bad_gateway() {
    let upstream = Upstream::script(|mut conn| async move {
        let _ = conn.some().await?;
        conn.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await
    })
    .await;
    let harness = start(&web(ServicePort::tcp(80, [upstream.address()]), Some("HTTPS"))).await;
    assert_eq!(harness.get("a.test", "/").await.status, 502);
}

#[tokio::test]
async fn the_next_endpoint_is_tried_when_a_handshake_fails() {
    let broken = Upstream::script(|mut conn| async move { conn.some().await.map(drop) }).await;
    let good = Upstream::named_tls(server(), "good").await;
    let port = ServicePort::tcp(80, [broken.address(), good.address()]);
    let harness = Arc::new(start(&web(port, Some("HTTPS"))).await);
    for _ in 0..6 {
        assert_eq!(harness.get("a.test", "/").await.text(), "good");
    }
    assert!(!broken.connections().is_empty());
}
