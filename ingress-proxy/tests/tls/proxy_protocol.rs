//! Who the client is where a proxy of TCP stands before us.

use std::net::SocketAddr;

use proxy_header::{ProxiedAddress, ProxyHeader};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Parts, World, ecdsa, get, read_all, table, until};

fn parts(trusted: &[&str]) -> Parts {
    let mut parts = Parts { tls: table(&[ecdsa(&["a.test"])]).build().into(), ..Parts::default() };
    parts.settings.use_proxy_protocol = true;
    if !trusted.is_empty() {
        parts.settings.forwarded.trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
    }
    parts
}

fn version_2(client: &str) -> Vec<u8> {
    let client: SocketAddr = client.parse().unwrap();
    let local = if client.is_ipv4() { "203.0.113.1:443" } else { "[2001:db8::2]:443" };
    let mut bytes = Vec::new();
    let header = ProxyHeader::with_address(ProxiedAddress::stream(client, local.parse().unwrap()));
    header.encode_v2(&mut bytes).unwrap();
    bytes
}

fn client_of(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("x-real-ip: ")).unwrap()
}

#[tokio::test]
async fn the_header_tells_the_client_before_http_and_before_tls() {
    let world = World::new(&parts(&[])).await;
    let first = b"PROXY TCP4 192.0.2.7 203.0.113.1 4711 443\r\n".to_vec();
    for (header, client) in [
        (first, "192.0.2.7"),
        (version_2("192.0.2.8:1"), "192.0.2.8"),
        (version_2("[2001:db8::9]:1"), "2001:db8::9"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
    ] {
        // At once with what follows, and in two pieces.
        for cut in [0, 10] {
            let mut stream = TcpStream::connect(world.plain()).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (one, other) = header.split_at(cut);
            stream.write_all(one).await.unwrap();
            let request = [other, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"].concat();
            stream.write_all(&request).await.unwrap();
            assert_eq!(client_of(&get(&mut stream, "a.test").await), client);
        }
        let mut stream = TcpStream::connect(world.tls()).await.unwrap();
        stream.write_all(&header).await.unwrap();
        let mut stream = Client::new().over(stream, "a.test").await.unwrap();
        assert_eq!(client_of(&get(&mut stream, "a.test").await), client);
    }
}

#[tokio::test]
async fn a_header_of_somebody_who_is_not_trusted_is_read_and_not_believed() {
    for (trusted, client) in [(&["127.0.0.0/8"][..], "192.0.2.7"), (&["10.0.0.0/8"], "127.0.0.1")] {
        let world = World::new(&parts(trusted)).await;
        let mut stream = TcpStream::connect(world.tls()).await.unwrap();
        stream.write_all(&version_2("192.0.2.7:1")).await.unwrap();
        let mut stream = Client::new().over(stream, "a.test").await.unwrap();
        assert_eq!(client_of(&get(&mut stream, "a.test").await), client);
    }
}

#[tokio::test]
async fn without_a_header_there_is_no_answer() {
    let mut parts = parts(&[]);
    parts.settings.proxy_protocol_header_timeout = std::time::Duration::from_millis(100);
    let world = World::new(&parts).await;
    let (_, hello) = crate::wire::hello("a.test");
    let mut refused = 0;
    for address in [world.plain(), world.tls()] {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        for sent in
            [&b""[..], b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", &hello, b"PROXY TCP4 1.1.1.1", &long]
        {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            assert_eq!(read_all(&mut stream).await, b"", "{}", sent.escape_ascii());
            refused += 1;
        }
    }
    until(|| world.running.counts().proxy_headers_refused == refused).await;
    until(|| world.running.connections() == 0).await;
}
