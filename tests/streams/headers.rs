//! PROXY headers on the ports of HTTP and HTTPS (`use-proxy-protocol`).

use harness::world::Program;
use harness::{Answer, Authority, Client, Harness, Manifests, Tls, Upstream, until};

use crate::serve;

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
const V1_443: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

/// Version 2 for the same client.
fn v2(port: u16) -> Vec<u8> {
    let addresses = [&[192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67][..], &port.to_be_bytes()].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
}

fn site(upstream: &Upstream, settings: &[(&str, &str)]) -> Manifests {
    let settings: Vec<_> = settings.iter().copied().chain([("use-proxy-protocol", "true")]).collect();
    Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .ingress("secure")
        .host("tls.test")
        .prefix("/", "web", 80)
        .tls(&["tls.test"], "web")
        .service("web", [upstream])
        .tls_secret("web", &Authority::new("root").server(&["tls.test"]))
        .config_map("settings", &settings)
}

async fn ask(harness: &Harness, parts: &[&[u8]], host: &str) -> Answer {
    let mut client = harness.connect().await;
    for part in parts {
        client.send(part).await;
    }
    client.get(host, "/").await
}

#[tokio::test]
async fn the_client_is_who_the_header_says() {
    let upstream = Upstream::named("web").await;
    let harness = serve(&site(&upstream, &[])).await;
    let (second, seven) = (v2(80), 7);
    for parts in [
        &[V1][..],
        &[&V1[..seven], &V1[seven..]],
        &[&second],
        &[&second[..13], &second[13..20], &second[20..]],
    ] {
        let answer = ask(&harness, parts, "a.test").await;
        assert_eq!(answer.status, 200, "{parts:?}");
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.header("x-forwarded-for"), Some("192.0.2.7"), "{parts:?}");
        assert_eq!(got.header("x-real-ip"), Some("192.0.2.7"));
        assert_eq!(got.header("x-forwarded-proto"), Some("http"));
    }
    // LOCAL and UNKNOWN: a health check of the load balancer, say.
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        assert_eq!(ask(&harness, &[header], "a.test").await.status, 200);
        assert_eq!(upstream.requests().pop().unwrap().header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[tokio::test]
async fn a_connection_that_came_to_443_came_by_https() {
    let upstream = Upstream::named("web").await;
    let harness = serve(&site(&upstream, &[])).await;
    assert_eq!(ask(&harness, &[V1], "tls.test").await.status, 308);
    for header in [V1_443.to_vec(), v2(443)] {
        assert_eq!(ask(&harness, &[&header], "tls.test").await.status, 200);
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.header("x-forwarded-proto"), Some("https"));
    }
}

#[tokio::test]
async fn before_tls() {
    let upstream = Upstream::named("web").await;
    let harness = serve(&site(&upstream, &[])).await;
    for header in [V1_443.to_vec(), v2(443)] {
        let mut client = Client::connect(harness.https()).await;
        client.send(&header).await;
        let mut client = client.begin_tls(&Tls::any(), "tls.test").await.unwrap();
        assert_eq!(client.get("tls.test", "/").await.status, 200);
        assert_eq!(upstream.requests().pop().unwrap().header("x-forwarded-for"), Some("192.0.2.7"));
    }
    assert!(Tls::any().try_connect(harness.https(), "tls.test").await.is_err(), "without a header");
}

#[tokio::test]
async fn what_does_not_begin_with_a_header_is_closed() {
    let upstream = Upstream::named("web").await;
    let settings = [("proxy-protocol-header-timeout", "1s")];
    let harness = serve(&site(&upstream, &settings)).await;
    let long = [&b"PROXY TCP4 "[..], &b"1".repeat(200)].concat();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"[..],
        b"PROXY TCP4 x y 1 2\r\n",
        &long,
        b"",
        b"PROXY TCP4 1.2",
    ] {
        let mut client = harness.connect().await;
        let _ = client.try_send(bytes).await;
        assert_eq!(client.closed().await, b"", "{}", bytes.escape_ascii());
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(ask(&harness, &[V1], "a.test").await.status, 200);
}

#[tokio::test]
async fn only_trusted_proxies_are_believed() {
    let upstream = Upstream::named("web").await;
    for (trusted, expected) in [("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "192.0.2.7")] {
        let harness = serve(&site(&upstream, &[("proxy-real-ip-cidr", trusted)])).await;
        assert_eq!(ask(&harness, &[V1_443], "a.test").await.status, 200);
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.header("x-forwarded-for"), Some(expected), "{trusted}");
    }
    // Both: the header of HTTP counts if the address of the PROXY header is that of a trusted proxy.
    for (trusted, expected) in [("192.0.2.0/24,127.0.0.0/8", "203.0.113.9"), ("127.0.0.0/8", "192.0.2.7")] {
        let settings = [("proxy-real-ip-cidr", trusted), ("use-forwarded-headers", "true")];
        let harness = serve(&site(&upstream, &settings)).await;
        let mut client = harness.connect().await;
        client.send(V1).await;
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
        let got = upstream.requests().pop().unwrap();
        assert_eq!(got.header("x-forwarded-for"), Some(expected), "{trusted}");
    }
}

#[tokio::test]
async fn it_is_switched_on_and_off_while_it_runs() {
    let upstream = Upstream::named("web").await;
    let off = site(&upstream, &[]).config_map("settings", &[("use-proxy-protocol", "false")]);
    let without: Vec<_> = off
        .documents()
        .iter()
        .filter(|object| object["data"]["use-proxy-protocol"] != "true")
        .cloned()
        .collect();
    let off = without.into_iter().fold(Manifests::new(), Manifests::document);
    let mut harness = serve(&off).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
    harness.update(&site(&upstream, &[])).await;
    assert_eq!(ask(&harness, &[V1], "a.test").await.status, 200);
    harness.update(&off).await;
    assert_eq!(harness.get("a.test", "/").await.status, 200);
}

#[tokio::test]
async fn the_access_log_names_the_client() {
    let upstream = Upstream::named("web").await;
    let folder = tempfile::tempdir().unwrap();
    let text: Vec<_> = site(&upstream, &[])
        .documents()
        .iter()
        .map(|object| serde_saphyr::to_string(object).unwrap())
        .collect();
    std::fs::write(folder.path().join("objects.yaml"), text.join("---\n")).unwrap();
    let program = Program::start(
        env!("CARGO_BIN_EXE_ingress-controller-under-test"),
        [
            format!("--manifests={}", folder.path().display()).as_str(),
            "--bind-address=127.0.0.1",
            "--http-port=0",
            "--https-port=0",
            "--healthz-host=127.0.0.1",
            "--healthz-port=0",
            "--configmap=default/settings",
        ],
        &[],
    );
    let (http, _) = program.serving().await;
    let mut client = until("the program", async || Client::try_connect(http).await.ok()).await;
    client.send(V1).await;
    assert_eq!(client.get("a.test", "/logged").await.status, 200);
    let line = program.out.line("GET /logged HTTP/1.1").await;
    assert!(line.starts_with("192.0.2.7 - - ["), "{line}");
}
