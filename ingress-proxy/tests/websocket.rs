//! WebSockets of clients that speak HTTP/2 (RFC 8441), to endpoints that speak HTTP/1.1.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may give up anywhere

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ingress_proxy::core::policy::{Protocol as Spoken, Transport};
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::server::Running;
use ingress_proxy::{Body, Config, Server, channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ECHO: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-protocol: chat\r\n";

/// An endpoint that answers each connection's one request by what its path says, and then echoes. The first bytes that it echoes are the
/// head that it got.
async fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let text = String::from_utf8(head.clone()).unwrap().to_lowercase();
    let sent = String::from_utf8(head.clone()).unwrap();
    let key = text.lines().position(|line| line.starts_with("sec-websocket-key: "));
    let key = key.map(|line| sent.lines().nth(line).unwrap().split_once(": ").unwrap().1.to_owned());
    let accept = digest(
        &SHA1_FOR_LEGACY_USE_ONLY,
        format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.unwrap_or_default()).as_bytes(),
    );
    let accept = STANDARD.encode(accept);
    let answer = match text.split(' ').nth(1).unwrap() {
        "/chat?room=1" => format!("{ECHO}sec-websocket-accept: {accept}\r\n\r\n"),
        "/wrong" => format!("{ECHO}sec-websocket-accept: {}\r\n\r\n", STANDARD.encode([0; 20])),
        "/none" => format!("{ECHO}\r\n"),
        "/forbidden" => "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno".into(),
        "/moved" => "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".into(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".into(),
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    if answer.starts_with("HTTP/1.1 101") {
        let _ = stream.write_all(&head).await;
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
        // The end of what the client says is answered before the end.
        let _ = write.write_all(b"bye").await;
    }
}

async fn start() -> (Running, SendRequest<Body>) {
    let route = |path| {
        Route::new(HostPattern::Any, PathPattern::prefix(path).unwrap(), Backend::Upstream("u".into()))
    };
    let mut grpc = route("/grpc");
    grpc.transport = Transport::new(Spoken::Grpc);
    let snapshot =
        Snapshot::builder().upstream(Upstream::new("u", [endpoint().await])).route(route("/")).route(grpc);
    let (_, subscriber) = channel(snapshot.build().unwrap());
    let server = Server::new(subscriber, Config::default()).listen("127.0.0.1:0".parse().unwrap());
    let running = server.workers(NonZeroUsize::MIN).start().unwrap();
    let stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // With an answer the settings of the server have come, which say that CONNECT has a protocol.
    let answer = client.send_request(Request::get("http://a.test/plain").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    (running, client)
}

async fn connect(
    client: &mut SendRequest<Body>,
    path: &str,
    protocol: Option<&'static str>,
) -> Response<Incoming> {
    let mut request = Request::connect(format!("http://a.test{path}")).header("sec-websocket-version", "13");
    request = match protocol {
        Some(protocol) => request.extension(Protocol::from_static(protocol)),
        None => Request::connect("a.test:80"),
    };
    let sent = client.send_request(request.body(Body::empty()).unwrap());
    tokio::time::timeout(Duration::from_secs(60), sent).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_tunnel_is_one_stream_among_others() {
    let (running, mut client) = start().await;
    let answer = connect(&mut client, "/chat?room=1", Some("websocket")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    assert!(
        !answer.headers().contains_key("sec-websocket-accept") && !answer.headers().contains_key("upgrade")
    );
    let mut tunnel = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tunnel.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{head}");
    for line in [
        "upgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "sec-websocket-version: 13\r\n",
        "host: a.test\r\n",
    ] {
        assert_eq!(head.matches(&format!("\r\n{line}")).count(), 1, "{head}");
    }
    // Both ways, more than a window at once.
    let much = vec![b'x'; 300_000];
    let (mut read, mut write) = tokio::io::split(tunnel);
    let mut back = vec![0; much.len()];
    let (wrote, got) = tokio::join!(write.write_all(&much), read.read_exact(&mut back));
    wrote.unwrap();
    got.unwrap();
    assert_eq!(back, much);
    // Another request passes beside it, and while it lives the connection is in use.
    let other = client.send_request(Request::get("http://a.test/plain").body(Body::empty()).unwrap()).await;
    assert_eq!(other.unwrap().status(), StatusCode::OK);
    write.write_all(b"ping").await.unwrap();
    let mut pong = [0; 4];
    read.read_exact(&mut pong).await.unwrap();
    assert_eq!((&pong, running.counts().writing), (b"ping", 1));
    // Each side ends for itself.
    write.shutdown().await.unwrap();
    let mut rest = Vec::new();
    read.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"bye");
    let idle = async {
        while running.counts().writing != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap();
}

#[tokio::test]
async fn no_tunnel_but_a_real_one() {
    let (_running, mut client) = start().await;
    for (path, protocol, status) in [
        ("/forbidden", Some("websocket"), 403),
        ("/moved", Some("websocket"), 302),
        // A 200 would tell the client that the tunnel stands.
        ("/plain", Some("websocket"), 502),
        ("/wrong", Some("websocket"), 502),
        ("/none", Some("websocket"), 502),
        ("/grpc", Some("websocket"), 501),
        ("/chat?room=1", Some("connect-udp"), 501),
        ("/", None, 400),
    ] {
        let answer = connect(&mut client, path, protocol).await;
        assert_eq!(answer.status(), status, "{path} {protocol:?}");
        // The connection is good for the next.
        let next =
            client.send_request(Request::get("http://a.test/plain").body(Body::empty()).unwrap()).await;
        assert_eq!(next.unwrap().status(), StatusCode::OK, "after {path}");
    }
}
