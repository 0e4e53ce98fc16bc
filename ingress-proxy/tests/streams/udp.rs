//! Datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use ingress_proxy::core::Snapshot;
use ingress_proxy::core::stream::StreamProtocol;
use tokio::net::UdpSocket;

use super::{World, snapshot, stream, until, with_settings, within};

async fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn udp(endpoints: &[SocketAddr], responses: Option<u32>) -> Snapshot {
    with_settings([stream(StreamProtocol::Udp, 0)], endpoints, |settings| {
        settings.streams.responses = responses
    })
}

/// A client of the only port.
async fn client(world: &World) -> UdpSocket {
    let (client, _) = bind().await;
    // It takes answers from there alone.
    client.connect(world.port(StreamProtocol::Udp).await).await.unwrap();
    client
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut space = vec![0; 65_535];
    let (length, from) = within("a datagram", socket.recv_from(&mut space)).await.unwrap();
    space.truncate(length);
    (space, from)
}

/// An endpoint that sends back what it gets, after its name.
async fn echo(name: u8) -> SocketAddr {
    let (socket, address) = bind().await;
    tokio::spawn(async move {
        loop {
            let (mut datagram, from) = receive(&socket).await;
            datagram.insert(0, name);
            socket.send_to(&datagram, from).await.unwrap();
        }
    });
    address
}

/// Asks until there is an answer: datagrams may be lost while endpoints come and go.
async fn ask(client: &UdpSocket, question: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; 65_535];
    let ask = async {
        loop {
            // What a dead endpoint was sent before is of no interest.
            let _ = client.send(question).await;
            let answered = tokio::time::timeout(Duration::from_millis(100), client.recv(&mut answer)).await;
            if let Ok(Ok(length)) = answered {
                return length;
            }
        }
    };
    let length = within("an answer", ask).await;
    answer.truncate(length);
    answer
}

#[tokio::test]
async fn a_question_an_answer_and_the_session_is_over() {
    let (endpoint, address) = bind().await;
    let mut world = World::start(udp(&[address], Some(1)));
    let client = client(&world).await;
    for question in [&b"one"[..], b"", &vec![7; 65_507]] {
        client.send(question).await.unwrap();
        let (datagram, from) = receive(&endpoint).await;
        assert!(datagram == question);
        endpoint.send_to(&datagram, from).await.unwrap();
        assert!(receive(&client).await.0 == question);
        let over = world.over().await;
        let length = question.len() as u64;
        assert_eq!((over.status, over.endpoint), (200, Some(address)));
        assert_eq!((over.received, over.sent), (length, length));
        assert_eq!(over.client, client.local_addr().unwrap());
        // A late answer has no way back.
        endpoint.send_to(b"late", from).await.unwrap();
    }
}

#[tokio::test]
async fn each_client_has_a_session_of_its_own_and_keeps_it() {
    let (endpoint, address) = bind().await;
    let world = World::start(udp(&[address], None));
    let clients = [client(&world).await, client(&world).await];
    let mut seen = Vec::new();
    for round in 0..3 {
        for (number, client) in clients.iter().enumerate() {
            client.send(&[number as u8]).await.unwrap();
            let (datagram, from) = receive(&endpoint).await;
            assert_eq!(datagram, [number as u8]);
            // Two answers to one question.
            for answer in [b"a", b"b"] {
                endpoint.send_to(&[&datagram[..], answer].concat(), from).await.unwrap();
                assert_eq!(receive(client).await.0, [&datagram[..], answer].concat());
            }
            match round {
                0 => seen.push(from),
                _ => assert_eq!(from, seen[number]),
            }
        }
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn the_next_datagram_goes_past_an_endpoint_that_refuses() {
    let (dead, nobody) = bind().await;
    drop(dead);
    let address = echo(b'a').await;
    let world = World::start(udp(&[nobody, address], None));
    for _ in 0..4 {
        let client = client(&world).await;
        assert_eq!(ask(&client, b"?").await, b"a?");
    }
}

#[tokio::test]
async fn a_session_that_nobody_took_is_known_as_such() {
    let (dead, nobody) = bind().await;
    drop(dead);
    let snapshot = with_settings([stream(StreamProtocol::Udp, 0)], &[nobody], |settings| {
        settings.streams.timeout = Duration::from_millis(300);
    });
    let mut world = World::start(snapshot);
    client(&world).await.send(b"?").await.unwrap();
    let over = world.over().await;
    assert_eq!((over.status, over.endpoint, over.received), (502, Some(nobody), 1));
}

#[tokio::test]
async fn a_session_leaves_an_endpoint_that_has_left() {
    let (a, b) = (echo(b'a').await, echo(b'b').await);
    let world = World::start(udp(&[a], None));
    let client = client(&world).await;
    assert_eq!(ask(&client, b"?").await, b"a?");
    world.publisher.publish(udp(&[b], None));
    let moved = async { while ask(&client, b"?").await != b"b?" {} };
    // Not only when somebody looks around.
    tokio::time::timeout(Duration::from_secs(10), moved).await.unwrap();
}

#[tokio::test]
async fn sessions_without_an_answer_end_in_time() {
    let (endpoint, address) = bind().await;
    let timeout = Duration::from_millis(300);
    let snapshot = with_settings([stream(StreamProtocol::Udp, 0)], &[address], |settings| {
        settings.streams.timeout = timeout;
    });
    let mut world = World::start(snapshot);
    let client = client(&world).await;
    client.send(b"?").await.unwrap();
    receive(&endpoint).await;
    let over = world.over().await;
    assert_eq!((over.status, over.received, over.sent), (200, 1, 0));
}

#[tokio::test]
async fn sessions_end_with_their_port() {
    let (endpoint, address) = bind().await;
    let mut world = World::start(udp(&[address], None));
    let port = world.port(StreamProtocol::Udp).await;
    let client = client(&world).await;
    client.send(b"?").await.unwrap();
    receive(&endpoint).await;
    world.publisher.publish(snapshot([], &[address]));
    assert_eq!(world.over().await.received, 1);
    until("the port to close", || world.running.stream_ports().is_empty()).await;
    // Nobody shares it: it is free.
    UdpSocket::bind(port).await.unwrap();
}
