//! TLS that goes to endpoints unopened (`ssl-passthrough`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{
    Authority, Client, H2, Harness, Identity, Manifests, ServicePort, Tls, TlsServer, Upstream, start_with,
    within,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const FLAGS: &[&str] = &["--enable-ssl-passthrough"];

struct World {
    theirs: Identity,
    ours: Identity,
    opened: Upstream,
    passed: Upstream,
}

/// `pass.test` has an endpoint with a certificate of its own; `a.test` is ours.
async fn world() -> World {
    let theirs = Authority::new("theirs").server(&["pass.test"]);
    let passed = Upstream::named_tls(TlsServer::new(&theirs, &["h2", "http/1.1"], None), "passed").await;
    let ours = Authority::new("ours").server(&["a.test", "pass.test"]);
    World { theirs, ours, opened: Upstream::named("opened").await, passed }
}

fn manifests(world: &World, annotations: &[(&str, &str)]) -> Manifests {
    let mut manifests = Manifests::new().ingress("pass").nginx("ssl-passthrough", "true");
    for (name, value) in annotations {
        manifests = manifests.nginx(name, value);
    }
    manifests
        .host("pass.test")
        .prefix("/", "pass", 443)
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 80)
        .tls(&["a.test"], "web")
        .service("web", [&world.opened])
        .service_ports("pass", &[ServicePort::tcp(443, [world.passed.address()])])
        .tls_secret("web", &world.ours)
}

async fn shown(harness: &Harness, tls: &Tls, host: &str) -> Client {
    tls.connect(harness.https(), host).await
}

#[tokio::test]
async fn clients_see_the_certificate_of_the_endpoint() {
    let world = world().await;
    let harness = start_with(&manifests(&world, &[]), FLAGS).await;
    for host in ["pass.test", "PASS.test"] {
        let mut client = shown(&harness, &Tls::any().alpn(&["http/1.1"]), host).await;
        assert_eq!(client.agreed().certificate(), world.theirs.certificate(), "{host}");
        let answer = client.get("pass.test", "/").await;
        assert_eq!((answer.status, answer.text()), (200, "passed"));
        assert_eq!(answer.header("strict-transport-security"), None, "nothing of it is ours");
    }
    let got = world.passed.requests().pop().unwrap();
    assert_eq!(got.header("x-forwarded-for"), None);

    for tls in [Tls::any(), Tls::any().without_sni()] {
        let mut client = shown(&harness, &tls, "a.test").await;
        assert_ne!(client.agreed().certificate(), world.theirs.certificate());
        assert_eq!(client.get("a.test", "/").await.text(), "opened");
    }
    let client = shown(&harness, &Tls::any(), "a.test").await;
    assert_eq!(client.agreed().certificate(), world.ours.certificate());
    let h2 = H2::connect_tls(&Tls::any(), harness.https(), "a.test").await;
    assert_eq!(h2.get("https://a.test/").await.status(), 200);
    assert_eq!(harness.findings(), [""; 0]);
}

#[tokio::test]
async fn a_hello_in_pieces() {
    let world = world().await;
    let harness = start_with(&manifests(&world, &[]), FLAGS).await;
    for (host, expected) in [("pass.test", &world.theirs), ("a.test", &world.ours)] {
        let stream = TcpStream::connect(harness.https()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        // A relay that sends each byte of the hello by itself.
        let (near, far) = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .map(|listener| (listener.local_addr().unwrap(), listener))
            .unwrap();
        let relay = tokio::spawn(async move {
            let (mut client, _) = far.accept().await.unwrap();
            let (mut from, mut to) = client.split();
            let (mut back, mut there) = stream.into_split();
            let slowly = async {
                let mut hello = vec![0; 4096];
                let length = tokio::io::AsyncReadExt::read(&mut from, &mut hello).await.unwrap();
                for byte in &hello[..length] {
                    there.write_all(&[*byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
                let _ = tokio::io::copy(&mut from, &mut there).await;
                let _ = there.shutdown().await;
            };
            let answers = tokio::io::copy(&mut back, &mut to);
            let _ = tokio::join!(slowly, answers);
        });
        let mut client = Tls::any().connect(near, host).await;
        assert_eq!(client.agreed().certificate(), expected.certificate(), "{host}");
        assert_eq!(client.get(host, "/").await.status, 200);
        drop(client);
        relay.abort();
    }
}

#[tokio::test]
async fn the_endpoint_is_told_the_client_where_that_is_asked() {
    let theirs = Authority::new("theirs").server(&["pass.test"]);
    let (seen, mut told) = tokio::sync::mpsc::channel(1);
    let tls = TlsServer::new(&theirs, &[], None);
    let inner = Upstream::named_tls(tls, "passed").await;
    let to = inner.address();
    let passed = Upstream::script(move |mut conn| {
        let seen = seen.clone();
        async move {
            let first = conn.some().await?;
            let end = first.windows(2).position(|bytes| bytes == b"\r\n").unwrap_or_default() + 2;
            let (header, rest) = first.split_at(end);
            let _ = seen.send(String::from_utf8_lossy(header).into_owned()).await;
            let mut other = TcpStream::connect(to).await?;
            other.write_all(rest).await?;
            tokio::io::copy_bidirectional(&mut conn, &mut other).await.map(drop)
        }
    })
    .await;
    let world = World {
        ours: Authority::new("ours").server(&["a.test"]),
        opened: Upstream::named("opened").await,
        theirs,
        passed,
    };
    let asked = [("ssl-passthrough-proxy-protocol", "true")];
    let harness = start_with(&manifests(&world, &asked), FLAGS).await;
    let mut client = shown(&harness, &Tls::any(), "pass.test").await;
    let from = client.local_address().port();
    let header = told.recv().await.unwrap();
    assert_eq!(header, format!("PROXY TCP4 127.0.0.1 127.0.0.1 {from} {}\r\n", harness.https().port()));
    assert_eq!(client.get("pass.test", "/").await.text(), "passed");
}

#[tokio::test]
async fn without_the_flag_it_is_opened_as_usual_and_told_of() {
    let world = world().await;
    let harness = start_with(&manifests(&world, &[("backend-protocol", "HTTPS")]), &[]).await;
    let mut client = shown(&harness, &Tls::any(), "pass.test").await;
    assert_ne!(client.agreed().certificate(), world.theirs.certificate());
    assert_eq!(client.get("pass.test", "/").await.text(), "passed");
    harness.finding(&["default/pass", "ssl-passthrough", "--enable-ssl-passthrough"]);
}

#[tokio::test]
async fn it_comes_and_goes_while_it_runs_and_leaves_connections_alone() {
    let world = world().await;
    let on = manifests(&world, &[("backend-protocol", "HTTPS")]);
    let off = manifests(&world, &[("backend-protocol", "HTTPS"), ("ssl-passthrough", "false")]);
    let mut harness = start_with(&on, FLAGS).await;
    let tls = Tls::any().alpn(&["http/1.1"]);
    let mut kept = shown(&harness, &tls, "pass.test").await;
    assert_eq!(kept.get("pass.test", "/").await.text(), "passed");
    harness.update(&off).await;
    let mut opened = shown(&harness, &tls, "pass.test").await;
    assert_ne!(opened.agreed().certificate(), world.theirs.certificate());
    assert_eq!(opened.get("pass.test", "/").await.text(), "passed");
    assert_eq!(kept.get("pass.test", "/").await.text(), "passed");
    harness.update(&on).await;
    assert_eq!(shown(&harness, &tls, "pass.test").await.agreed().certificate(), world.theirs.certificate());
    assert_eq!(opened.get("pass.test", "/").await.text(), "passed");
}

#[tokio::test]
async fn an_endpoint_that_is_down_harms_nobody_else() {
    let mut world = world().await;
    world.passed = Upstream::refusing();
    let harness = start_with(&manifests(&world, &[]), FLAGS).await;
    assert!(Tls::any().try_connect(harness.https(), "pass.test").await.is_err());
    assert_eq!(shown(&harness, &Tls::any(), "a.test").await.get("a.test", "/").await.text(), "opened");
}

#[tokio::test]
async fn a_host_that_is_led_elsewhere_loses_no_connection() {
    let theirs = Authority::new("theirs").server(&["pass.test"]);
    let server = TlsServer::new(&theirs, &[], None);
    let (a, b) = (Upstream::named_tls(server.clone(), "a").await, Upstream::named_tls(server, "b").await);
    let manifests = |service: &str| {
        let manifests = Manifests::new().ingress("pass").nginx("ssl-passthrough", "true");
        let manifests = manifests.host("pass.test").prefix("/", service, 443);
        let of = |upstream: &Upstream| [ServicePort::tcp(443, [upstream.address()])];
        manifests.service_ports("a", &of(&a)).service_ports("b", &of(&b))
    };
    let mut harness = start_with(&manifests("a"), FLAGS).await;
    let (address, stop) = (harness.https(), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (stop, theirs) = (stop.clone(), theirs.certificate().clone());
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let client = Tls::any().connect(address, "pass.test").await;
                assert_eq!(*client.agreed().certificate(), theirs);
            }
        });
    }
    for round in 0..60 {
        harness.update(&manifests(["b", "a"][round % 2])).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = within("clients to stop", clients.join_next()).await {
        ended.expect("every connection goes somewhere");
    }
}
