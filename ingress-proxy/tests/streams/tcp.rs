//! Connections.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ingress_proxy::core::stream::{Stream, StreamProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{World, snapshot, stream, until, with_settings, within};

fn tcp() -> Stream {
    stream(StreamProtocol::Tcp, 0)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens, for as long as the socket lives.
fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A client that is connected to an endpoint, and both ends.
async fn connected(world: &World, endpoint: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(world.port(StreamProtocol::Tcp).await).await.unwrap();
    let (accepted, _) = within("a connection", endpoint.accept()).await.unwrap();
    (client, accepted)
}

async fn rest(io: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    within("the end", io.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_side_may_end_first() {
    let (endpoint, address) = listener().await;
    let mut world = World::start(snapshot([tcp()], &[address]));
    for client_first in [true, false] {
        let (client, accepted) = connected(&world, &endpoint).await;
        let from = client.local_addr().unwrap();
        let (mut early, mut late) = if client_first { (client, accepted) } else { (accepted, client) };
        early.write_all(b"question").await.unwrap();
        early.shutdown().await.unwrap();
        assert_eq!(rest(&mut late).await, b"question");
        late.write_all(b"the answer").await.unwrap();
        late.shutdown().await.unwrap();
        assert_eq!(rest(&mut early).await, b"the answer");
        let over = world.over().await;
        assert_eq!((over.status, over.endpoint, over.client), (200, Some(address), from));
        assert_eq!((over.received, over.sent), if client_first { (8, 10) } else { (10, 8) });
    }
    until("the connections to be forgotten", || world.running.connections() == 0).await;
    assert_eq!(world.running.counts().accepted, 2);
}

#[tokio::test]
async fn much_goes_both_ways_at_once() {
    let (endpoint, address) = listener().await;
    let world = World::start(snapshot([tcp()], &[address]));
    let (client, accepted) = connected(&world, &endpoint).await;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let side = |io: TcpStream| {
        let sent = sent.clone();
        async move {
            let (mut read, mut write) = io.into_split();
            let writer = tokio::spawn(async move {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            writer.await.unwrap();
            got
        }
    };
    let (down, up) = within("all bytes", async { tokio::join!(side(client), side(accepted)) }).await;
    assert!(down == sent && up == sent);
}

#[tokio::test]
async fn a_reset_is_passed_on_as_one() {
    let (endpoint, address) = listener().await;
    let mut world = World::start(snapshot([tcp()], &[address]));
    for endpoint_resets in [true, false] {
        let (mut client, mut accepted) = connected(&world, &endpoint).await;
        accepted.write_all(b"half").await.unwrap();
        client.read_exact(&mut [0; 4]).await.unwrap();
        let (resets, mut other) = if endpoint_resets { (accepted, client) } else { (client, accepted) };
        resets.set_zero_linger().unwrap();
        drop(resets);
        let error = within("the reset", other.read(&mut [0])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        world.over().await;
    }
}

#[tokio::test]
async fn an_endpoint_may_answer_and_leave_before_the_client_has_ended() {
    let (endpoint, address) = listener().await;
    let mut world = World::start(snapshot([tcp()], &[address]));
    let (client, mut accepted) = connected(&world, &endpoint).await;
    let (mut read, mut write) = client.into_split();
    // Sends on and on, into the void in the end.
    let sender = tokio::spawn(async move { while write.write_all(&[0; 1024]).await.is_ok() {} });
    accepted.read_exact(&mut [0; 1024]).await.unwrap();
    accepted.write_all(&[7; 300_000]).await.unwrap();
    accepted.shutdown().await.unwrap();
    let mut got = Vec::new();
    within("the answer", read.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got.len(), 300_000);
    drop(accepted);
    let over = world.over().await;
    assert_eq!((over.status, over.sent), (200, 300_000));
    drop(read);
    within("the client to be told", sender).await.unwrap();
}

#[tokio::test]
async fn where_nobody_listens_the_next_endpoint_is_tried() {
    let (endpoint, address) = listener().await;
    let (_held, dead) = nobody();
    let mut world = World::start(snapshot([tcp()], &[dead, address]));
    for _ in 0..4 {
        let (client, mut accepted) = connected(&world, &endpoint).await;
        drop(client);
        assert_eq!(rest(&mut accepted).await, b"");
        drop(accepted);
        let over = world.over().await;
        assert_eq!((over.status, over.endpoint), (200, Some(address)));
    }
}

#[tokio::test]
async fn where_no_endpoint_is_left_the_connection_is_closed() {
    let (_held, dead) = nobody();
    for (endpoints, tried) in [(vec![dead], Some(dead)), (vec![], None)] {
        let mut world = World::start(snapshot([tcp()], &endpoints));
        let mut client = TcpStream::connect(world.port(StreamProtocol::Tcp).await).await.unwrap();
        assert_eq!(rest(&mut client).await, b"");
        let over = world.over().await;
        assert_eq!((over.status, over.endpoint), (502, tried));
    }
}

#[tokio::test]
async fn without_next_upstream_one_endpoint_is_tried() {
    let (held, dead) = [nobody(), nobody()].into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let snapshot = with_settings([tcp()], &dead, |settings| settings.streams.next_upstream = false);
    let mut world = World::start(snapshot);
    let port = world.port(StreamProtocol::Tcp).await;
    let mut tried = Vec::new();
    for _ in 0..8 {
        let mut client = TcpStream::connect(port).await.unwrap();
        assert_eq!(rest(&mut client).await, b"");
        tried.push(world.over().await.endpoint.unwrap());
    }
    // Each worker goes its own round, and begins anywhere.
    assert!(
        dead.iter().any(|address| tried.contains(address)) && tried.iter().all(|each| dead.contains(each))
    );
    drop(held);
}

#[tokio::test]
async fn proxy_headers_out() {
    let (endpoint, address) = listener().await;
    let mut tcp = tcp();
    tcp.send_proxy = true;
    let mut world = World::start(snapshot([tcp], &[address]));
    let port = world.port(StreamProtocol::Tcp).await;
    let (mut client, mut accepted) = connected(&world, &endpoint).await;
    client.write_all(b"hello").await.unwrap();
    let from = client.local_addr().unwrap();
    drop(client);
    let expected = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\nhello", from.port(), port.port());
    assert_eq!(String::from_utf8(rest(&mut accepted).await).unwrap(), expected);
    drop(accepted);
    assert_eq!(world.over().await.received, 5);
}

#[tokio::test]
async fn proxy_headers_in_and_out() {
    let (endpoint, address) = listener().await;
    let mut tcp = tcp();
    (tcp.accept_proxy, tcp.send_proxy) = (true, true);
    let mut world = World::start(snapshot([tcp], &[address]));
    let port = world.port(StreamProtocol::Tcp).await;
    let mut client = TcpStream::connect(port).await.unwrap();
    client.write_all(b"PROXY TCP4 192.0.2.1 19").await.unwrap();
    client.write_all(b"2.0.2.2 1000 443\r\nhello").await.unwrap();
    client.shutdown().await.unwrap();
    let (mut accepted, _) = within("a connection", endpoint.accept()).await.unwrap();
    let expected = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\nhello";
    assert_eq!(String::from_utf8(rest(&mut accepted).await).unwrap(), expected);
    drop(accepted);
    let over = world.over().await;
    assert_eq!((over.client, over.received), ("192.0.2.1:1000".parse().unwrap(), 5));
    // Without one the connection is closed, and no endpoint sees it.
    let mut client = TcpStream::connect(port).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _ = within("the end", client.read_to_end(&mut bytes)).await;
    assert_eq!(bytes, b"");
    assert_eq!(world.over().await.status, 400);
}

#[tokio::test]
async fn a_silent_connection_ends() {
    let (endpoint, address) = listener().await;
    let timeout = Duration::from_millis(300);
    let snapshot = with_settings([tcp()], &[address], |settings| settings.streams.timeout = timeout);
    let world = World::start(snapshot);
    let (mut client, mut accepted) = connected(&world, &endpoint).await;
    // Longer than the timeout in all, but never silent for so long.
    for _ in 0..8 {
        tokio::time::sleep(timeout / 6).await;
        client.write_all(b"x").await.unwrap();
        accepted.read_exact(&mut [0]).await.unwrap();
    }
    assert_eq!(rest(&mut client).await, b"");
    assert_eq!(rest(&mut accepted).await, b"");
}

#[tokio::test]
async fn a_drain_leaves_open_connections_their_time() {
    let (endpoint, address) = listener().await;
    let world = World::start(snapshot([tcp()], &[address]));
    let port = world.port(StreamProtocol::Tcp).await;
    let (mut client, mut accepted) = connected(&world, &endpoint).await;
    // Those who knock below are not let in.
    drop(endpoint);
    let World { running, .. } = world;
    let drained = tokio::spawn(running.drain(Duration::from_secs(30)));
    let closed = async { while TcpStream::connect(port).await.is_ok() {} };
    within("the listener to close", closed).await;
    client.write_all(b"x").await.unwrap();
    accepted.read_exact(&mut [0]).await.unwrap();
    drop((client, accepted));
    assert_eq!(within("the drain", drained).await.unwrap().cut, 0);
}
