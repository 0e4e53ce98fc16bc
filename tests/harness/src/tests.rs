//! The tools themselves, without a proxy between them.

use crate::{Client, Gate, Manifests, Upstream};

#[tokio::test]
async fn requests_are_recorded_byte_for_byte() {
    let upstream = Upstream::named("web").await;
    let mut client = Client::connect(upstream.address()).await;
    let request =
        "POST /x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    client.send(request).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "web"));
    assert_eq!(answer.header("x-endpoint"), Some(upstream.address().to_string().as_str()));
    let got = upstream.only_request();
    assert_eq!((got.head.method(), got.head.target(), got.body.as_slice()), ("POST", "/x?y", &b"abc"[..]));
    assert_eq!(got.trailers, [("T".to_owned(), "1".to_owned())]);
    assert_eq!(upstream.connections(), [request.as_bytes()]);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer_to("HEAD").await.header("content-length"), Some("3"));
    drop(client);
    upstream.wait_all_closed().await;
}

#[tokio::test]
async fn servers_misbehave_as_told() {
    assert!(Client::try_connect(Upstream::refusing().address()).await.is_err());

    let closing = Upstream::closing().await;
    let mut client = Client::connect(closing.address()).await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.try_answer("GET").await.unwrap_err().kind(), std::io::ErrorKind::ConnectionAborted);

    let cut = Upstream::answering_once("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab").await;
    let mut client = Client::connect(cut.address()).await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.try_answer("GET").await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);

    let mut stopping = Upstream::stalling().await;
    let mut client = Client::connect(stopping.address()).await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    stopping.wait_requests(1).await;
    stopping.stop();
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn a_gate_holds_until_it_is_opened() {
    let gate = Gate::default();
    let inside = gate.clone();
    let passed = tokio::spawn(async move { inside.passed().await });
    tokio::task::yield_now().await;
    assert!(!passed.is_finished());
    gate.open();
    crate::within("the gate", passed).await.unwrap();
}

#[test]
fn manifests_are_what_kubernetes_would_store() {
    let address = "127.0.0.1:8080".parse().unwrap();
    let manifests = Manifests::new()
        .ingress("shop/web")
        .class("nginx")
        .nginx("proxy-read-timeout", "1")
        .host("a.test")
        .prefix("/api", "api", 80)
        .exact("/x", "api", "http")
        .default_backend("api", 80)
        .service_at("shop/api", [address]);
    let objects = manifests.objects();
    let ingress = &objects.ingresses[0];
    assert_eq!(ingress.metadata.namespace.as_deref(), Some("shop"));
    let spec = ingress.spec.as_ref().unwrap();
    let rules = spec.rules.as_ref().unwrap();
    assert_eq!(rules[0].http.as_ref().unwrap().paths.len(), 2);
    assert_eq!(objects.services[0].metadata.name.as_deref(), Some("api"));
    let slice = &objects.endpoint_slices[0];
    assert_eq!(slice.metadata.labels.as_ref().unwrap()["kubernetes.io/service-name"], "api");
    let files = manifests.files();
    assert!(
        files[0].1.contains("pathType: Exact") && files[0].1.matches("\n---\n").count() == 2,
        "{}",
        files[0].1
    );
}
