//! What clients send in place of a proper handshake, or how oddly they cut it.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use ingress_proxy::Config;
use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Parts, World, ecdsa, get, read_all, table, until};

fn parts() -> Parts {
    Parts { tls: table(&[ecdsa(&["a.test"])]).build().into(), ..Parts::default() }
}

/// A client that has something to say, and its ClientHello.
pub(crate) fn hello(name: &'static str) -> (ClientConnection, Vec<u8>) {
    let config = Arc::new(Client::new().config);
    let mut connection = ClientConnection::new(config, ServerName::try_from(name).unwrap()).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    (connection, hello)
}

/// The same message in records of so many bytes.
pub(crate) fn in_records(hello: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&hello[..3], &(part.len() as u16).to_be_bytes(), part].concat();
    hello[5..].chunks(size).flat_map(record).collect()
}

#[tokio::test]
async fn a_hello_may_come_in_any_pieces() {
    let world = World::new(&parts()).await;
    let address = world.tls();
    for (record, piece) in [(1, 100_000), (7, 3), (100_000, 1), (1, 6), (300, 100_000)] {
        let done = tokio::task::spawn_blocking(move || {
            let (mut connection, hello) = hello("a.test");
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            socket.set_nodelay(true).unwrap();
            for piece in in_records(&hello, record).chunks(piece) {
                socket.write_all(piece).unwrap();
            }
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            // Fails if the end is not announced as such.
            stream.read_to_end(&mut answer).unwrap();
            let presented = connection.peer_certificates().unwrap()[0].clone();
            (answer, ingress_proxy::core::tls::Facts::of(&presented).unwrap().names)
        });
        let (answer, names) = done.await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
        assert_eq!(names, ["a.test"], "the name is found in all pieces");
    }
}

#[tokio::test]
async fn http_on_a_port_of_tls_is_told_so() {
    let world = World::new(&parts()).await;
    for request in ["GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "nonsense\r\n\r\n"] {
        let mut stream = TcpStream::connect(world.tls()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_until_shut(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(
            answer.contains("<center>The plain HTTP request was sent to HTTPS port</center>"),
            "{answer}"
        );
    }
    // The server goes on.
    let mut stream = Client::new().connect(world.tls(), "a.test").await.unwrap();
    get(&mut stream, "a.test").await;
}

async fn read_until_shut(stream: &mut TcpStream) -> String {
    String::from_utf8(read_all(stream).await).unwrap()
}

#[tokio::test]
async fn tls_on_a_port_of_http_is_a_bad_request() {
    let world = World::new(&parts()).await;
    let mut stream = TcpStream::connect(world.plain()).await.unwrap();
    stream.write_all(&hello("a.test").1).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", answer.escape_ascii());
}

#[tokio::test]
async fn nobody_is_awaited_for_long() {
    let mut parts = parts();
    parts.settings.client_header_timeout = Duration::from_millis(100);
    let mut config = Config::default();
    config.handshake_timeout = Duration::from_millis(100);
    let world = World::with(&parts, config, 1).await;
    let (_, hello) = hello("a.test");
    for (sent, failed) in [(&[][..], 0), (&hello[..1], 1), (&hello[..hello.len() - 1], 2), (&hello[..], 3)] {
        let mut stream = TcpStream::connect(world.tls()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        // Ends when the server closes.
        read_all(&mut stream).await;
        until(|| world.running.connections() == 0).await;
        until(|| world.running.counts().handshakes_failed == failed).await;
    }
    assert_eq!(world.running.counts().handshakes, 0);
}

#[tokio::test]
async fn nonsense_ends_the_connection_at_once() {
    let world = World::new(&parts()).await;
    let mut cut = hello("a.test").1;
    // The length of the session's identifier.
    cut[5 + 4 + 2 + 32] = 255;
    for (number, sent) in [&[22, 3, 1, 0, 4, 255, 0, 0, 0][..], &[22, 255, 255, 255, 255, 0], &cut].iter().enumerate() {
        let mut stream = TcpStream::connect(world.tls()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer[0] == 21, "an alert, if anything: {answer:?}");
        until(|| world.running.counts().handshakes_failed == number as u64 + 1).await;
    }
}

#[tokio::test]
async fn a_drain_waits_for_no_handshake_but_for_open_connections() {
    let world = World::new(&parts()).await;
    let mut silent = TcpStream::connect(world.tls()).await.unwrap();
    let mut half = TcpStream::connect(world.tls()).await.unwrap();
    half.write_all(&hello("a.test").1[..100]).await.unwrap();
    let mut open = Client::new().connect(world.tls(), "a.test").await.unwrap();
    get(&mut open, "a.test").await;
    until(|| world.running.connections() == 3).await;
    let begun = tokio::time::Instant::now();
    let drained = tokio::spawn(world.running.drain(Duration::from_secs(60)));
    for stream in [&mut silent, &mut half] {
        assert_eq!(read_all(stream).await, b"");
    }
    // Announced, not cut.
    assert_eq!(open.read(&mut [0; 16]).await.unwrap(), 0);
    drop(open);
    assert_eq!(drained.await.unwrap().cut, 0);
    // Less than a handshake may take.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}
