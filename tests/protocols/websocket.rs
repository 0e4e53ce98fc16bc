//! WebSocket with tungstenite on both sides: over TLS, over HTTP/2, and to endpoints with TLS.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use harness::{Authority, Harness, ServicePort, Tls, TlsServer, Upstream, start, within};
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::site;

/// Shakes hands as RFC 6455 says, and then sends every message back; `tungstenite` reads and writes the frames.
async fn echo(tls: Option<TlsServer>) -> Upstream {
    let script = |mut conn: harness::Conn| async move {
        let Some(request) = conn.head().await? else { return Ok(()) };
        let Some(key) = request.get("sec-websocket-key") else {
            return conn.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        };
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        conn.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ))
        .await?;
        let mut socket = WebSocketStream::from_raw_socket(conn, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                let _ = socket.send(message).await;
            }
        }
        Ok(())
    };
    match tls {
        None => Upstream::script(script).await,
        Some(tls) => Upstream::script_tls(tls, script).await,
    }
}

async fn talk(mut socket: WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) {
    let big = Message::Binary(vec![7; 300_000].into());
    for message in [Message::text("hello"), big, Message::text("bye")] {
        within("a message to be taken", socket.send(message.clone())).await.unwrap();
        assert_eq!(within("its echo", socket.next()).await.unwrap().unwrap(), message);
    }
    within("a close", socket.close(None)).await.unwrap();
    within("the end", async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

async fn over_http_1(harness: &Harness) {
    let stream = Tls::any().alpn(&["http/1.1"]).handshake(harness.https(), "a.test").await.unwrap();
    let handshake = tokio_tungstenite::client_async("wss://a.test/chat", stream);
    let (socket, answer) = within("a WebSocket", Box::pin(handshake)).await.unwrap();
    assert_eq!(answer.status(), 101);
    talk(socket).await;
}

/// Asks for a WebSocket as RFC 8441 says.
async fn over_http_2(
    harness: &Harness,
    protocol: &'static str,
) -> Result<WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, u16> {
    let stream = Tls::any().alpn(&["h2"]).handshake(harness.https(), "a.test").await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = within("HTTP/2", handshake).await.unwrap();
    tokio::spawn(connection);
    // Once this is answered, the settings of the other side have come.
    let ordinary = http::Request::get("https://a.test/").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(within("an answer", sender.send_request(ordinary)).await.unwrap().status(), 403);
    let request = http::Request::connect("https://a.test/chat")
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .body(Empty::new())
        .unwrap();
    let answer = within("an answer", sender.send_request(request)).await.unwrap();
    if answer.status() != 200 {
        return Err(answer.status().as_u16());
    }
    let upgraded = within("a tunnel", hyper::upgrade::on(answer)).await.unwrap();
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
}

#[tokio::test]
async fn over_tls() {
    let upstream = echo(None).await;
    let harness = start(&site(&Authority::new("root"), &upstream)).await;
    over_http_1(&harness).await;
    upstream.wait_all_closed().await;
    let got = upstream.only_request();
    assert_eq!((got.head.target(), got.header("x-forwarded-proto")), ("/chat", Some("https")));
}

#[tokio::test]
async fn over_http_2_as_rfc_8441_says() {
    let upstream = echo(None).await;
    let harness = start(&site(&Authority::new("root"), &upstream)).await;
    let socket = over_http_2(&harness, "websocket").await.unwrap();
    talk(socket).await;
    upstream.wait_all_closed().await;
    let got = upstream.requests().pop().unwrap();
    assert_eq!((got.head.method(), got.head.target()), ("GET", "/chat"), "{got:?}");
    assert!(got.head.lists("connection", "upgrade") && got.head.lists("upgrade", "websocket"), "{got:?}");
    assert!(got.header("sec-websocket-key").is_some());
    let before = upstream.count();
    assert_eq!(over_http_2(&harness, "connect-udp").await.unwrap_err(), 501);
    assert!(
        upstream.requests()[before..].iter().all(|got| got.header("upgrade").is_none()),
        "only the ordinary one"
    );
}

#[tokio::test]
async fn to_an_endpoint_with_tls() {
    let authority = Authority::new("endpoints");
    let tls = TlsServer::new(&authority.server(&["web"]), &["http/1.1"], None);
    let upstream = echo(Some(tls)).await;
    let wss = harness::Manifests::new()
        .ingress("web")
        .host("a.test")
        .prefix("/", "web", 443)
        .tls(&["a.test"], "")
        .service_ports("web", &[ServicePort::tcp(443, [upstream.address()]).speaks("kubernetes.io/wss")]);
    let harness = start(&wss).await;
    over_http_1(&harness).await;
    talk(over_http_2(&harness, "websocket").await.unwrap()).await;
}
