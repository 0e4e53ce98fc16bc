//! Connections that are passed on unopened.

use ingress_proxy::core::HostPattern;
use ingress_proxy::core::tls::Passthrough;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Client, Parts, World, ecdsa, table};
use crate::wire::{hello, in_records};

/// A server whose endpoint for `passed.test` and the hosts below is a listener of the test.
async fn world() -> (World, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut tls = table(&[ecdsa(&["a.test"])]);
    for host in ["passed.test", "*.passed.test"] {
        tls = tls.passthrough(HostPattern::parse(host).unwrap(), Passthrough::new("passed", false));
    }
    let hosts = vec!["a.test", "passed.test", "*.passed.test", "own.passed.test"];
    let upstreams = vec![("passed", listener.local_addr().unwrap())];
    let parts = Parts { tls: tls.build().into(), hosts, upstreams, ..Parts::default() };
    (World::new(&parts).await, listener)
}

async fn received(listener: &TcpListener, length: usize) -> (TcpStream, Vec<u8>) {
    let (mut endpoint, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; length];
    endpoint.read_exact(&mut bytes).await.unwrap();
    (endpoint, bytes)
}

#[tokio::test]
async fn every_byte_is_passed_on_and_back() {
    let (world, listener) = world().await;
    for (name, record) in [("passed.test", 100_000), ("PASSED.test", 1), ("a.passed.test", 7)] {
        let sent = in_records(&hello(name).1, record);
        let sent = [&sent, &b"and what comes behind"[..]].concat();
        let mut client = TcpStream::connect(world.tls()).await.unwrap();
        client.write_all(&sent).await.unwrap();
        let (mut endpoint, bytes) = received(&listener, sent.len()).await;
        assert_eq!(bytes, sent);
        endpoint.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    }
    assert_eq!(world.running.counts().handshakes, 0);
}

#[tokio::test]
async fn other_names_are_opened_here() {
    let (world, _listener) = world().await;
    for (name, presented) in
        [("a.test", "a.test"), ("b.test", "default.test"), ("own.passed.test", "default.test")]
    {
        assert_eq!(Client::new().presented(world.tls(), name).await, presented);
    }
    assert_eq!(Client::new().without_name().presented(world.tls(), "passed.test").await, "default.test");
}

#[tokio::test]
async fn no_endless_hello_is_kept() {
    let (world, _listener) = world().await;
    let mut client = TcpStream::connect(world.tls()).await.unwrap();
    // A message of 60000 bytes in records of one, of which there is no end.
    let record = |byte: u8| [22, 3, 1, 0, 1, byte];
    let bytes: Vec<u8> = [1, 0, 0xea, 0x60].into_iter().chain([0; 4000]).flat_map(record).collect();
    let _ = client.write_all(&bytes).await;
    let mut end = Vec::new();
    let _: Result<_, _> = client.read_to_end(&mut end).await;
    crate::support::until(|| world.running.counts().handshakes_failed == 1).await;
}
