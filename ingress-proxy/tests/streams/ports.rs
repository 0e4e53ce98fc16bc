//! Ports come and go.

use std::net::SocketAddr;

use ingress_proxy::core::Snapshot;
use ingress_proxy::core::Upstream;
use ingress_proxy::core::stream::{Stream, StreamProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{World, snapshot, stream, until, within};

/// An endpoint that says its name, and then what it is sent.
async fn endpoint(name: u8) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            tokio::spawn(async move {
                io.write_all(&[name]).await?;
                let (mut read, mut write) = io.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn connect(port: SocketAddr) -> (TcpStream, u8) {
    let mut client = TcpStream::connect(port).await.unwrap();
    let name = within("the endpoint's name", client.read_u8()).await.unwrap();
    (client, name)
}

async fn assert_open(client: &mut TcpStream) {
    client.write_all(b"?").await.unwrap();
    assert_eq!(within("an echo", client.read_u8()).await.unwrap(), b'?');
}

fn leads_to(port: u16, upstream: &str, endpoints: [SocketAddr; 2]) -> Snapshot {
    Snapshot::builder()
        .upstream(Upstream::new("a", [endpoints[0]]))
        .upstream(Upstream::new("b", [endpoints[1]]))
        .stream(Stream::new(StreamProtocol::Tcp, port, upstream))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_port_opens_and_closes_while_connections_live() {
    let address = endpoint(b'a').await;
    let world = World::start(snapshot([], &[address]));
    assert_eq!(world.running.stream_ports(), []);
    world.publisher.publish(snapshot([stream(StreamProtocol::Tcp, 0)], &[address]));
    let port = world.port(StreamProtocol::Tcp).await;
    let (mut client, _) = connect(port).await;
    world.publisher.publish(snapshot([], &[address]));
    until("the port to close", || world.running.stream_ports().is_empty()).await;
    assert!(TcpStream::connect(port).await.is_err());
    assert_open(&mut client).await;
    // The same port again, while a connection of its first life is open.
    world.publisher.publish(snapshot([stream(StreamProtocol::Tcp, port.port())], &[address]));
    assert_eq!(world.port(StreamProtocol::Tcp).await, port);
    let (mut second, _) = connect(port).await;
    assert_open(&mut second).await;
    assert_open(&mut client).await;
}

#[tokio::test]
async fn a_changed_upstream_is_for_new_connections() {
    let endpoints = [endpoint(b'a').await, endpoint(b'b').await];
    let world = World::start(leads_to(0, "a", endpoints));
    let port = world.port(StreamProtocol::Tcp).await;
    let (mut client, name) = connect(port).await;
    assert_eq!(name, b'a');
    world.publisher.publish(leads_to(0, "b", endpoints));
    // Both workers have seen it once none leads to the old one.
    let both = async {
        let mut in_a_row = 0;
        while in_a_row < 20 {
            in_a_row = if connect(port).await.1 == b'b' { in_a_row + 1 } else { 0 };
        }
    };
    within("new connections to go elsewhere", both).await;
    assert_open(&mut client).await;
}

#[tokio::test]
async fn changed_endpoints_are_for_new_connections() {
    let (a, b) = (endpoint(b'a').await, endpoint(b'b').await);
    let streams = [stream(StreamProtocol::Tcp, 0)];
    let world = World::start(snapshot(streams.clone(), &[a]));
    let port = world.port(StreamProtocol::Tcp).await;
    let (mut client, _) = connect(port).await;
    world.publisher.publish(snapshot(streams, &[b]));
    assert_eq!(connect(port).await.1, b'b');
    assert_open(&mut client).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_reported_and_opens_when_it_is_free() {
    let address = endpoint(b'a').await;
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap();
    let streams = [stream(StreamProtocol::Tcp, 0), stream(StreamProtocol::Tcp, port.port())];
    let world = World::start(snapshot(streams, &[address]));
    // The other port is open all the same.
    let (mut client, _) = connect(world.port(StreamProtocol::Tcp).await).await;
    let refused = || world.running.stream_ports().into_iter().find(|each| each.refused.is_some());
    until("the conflict", || refused().is_some()).await;
    assert_eq!(refused().unwrap().address, port);
    drop(held);
    until("the port to open", || world.open().contains(&(StreamProtocol::Tcp, port))).await;
    // Whichever worker gets them.
    for _ in 0..8 {
        assert_eq!(connect(port).await.1, b'a');
    }
    assert_open(&mut client).await;
}

#[tokio::test]
async fn ports_come_and_go_fast_and_the_last_word_counts() {
    let address = endpoint(b'a').await;
    let world = World::start(snapshot([stream(StreamProtocol::Tcp, 0)], &[address]));
    let port = world.port(StreamProtocol::Tcp).await;
    let with = || snapshot([stream(StreamProtocol::Tcp, port.port())], &[address]);
    world.publisher.publish(snapshot([], &[address]));
    until("the port to close", || world.running.stream_ports().is_empty()).await;
    for _ in 0..50 {
        world.publisher.publish(with());
        tokio::task::yield_now().await;
        world.publisher.publish(snapshot([], &[address]));
    }
    world.publisher.publish(with());
    assert_eq!(world.port(StreamProtocol::Tcp).await, port);
    for _ in 0..8 {
        assert_eq!(connect(port).await.1, b'a');
    }
}
