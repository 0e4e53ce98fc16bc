//! The client and the endpoint of a proxy that is measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
    Content-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n";
const REQUEST: &[u8] =
    b"GET /api/v1 HTTP/1.1\r\nHost: shop-0.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\
    Cookie: session=0123456789abcdef\r\n\r\n";

/// An endpoint that answers everything with a few bytes, until this process ends.
pub(crate) fn endpoint() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a connection");
    while read(&mut stream, b"\r\n\r\n") {
        stream.write_all(ANSWER).expect("a proxy that reads");
    }
}

/// Sends so many requests on one connection, one after the other.
pub(crate) fn ask(address: SocketAddr, number: u64) {
    let mut stream = TcpStream::connect(address).expect("a proxy");
    stream.set_nodelay(true).expect("a connection");
    for _ in 0..number {
        stream.write_all(REQUEST).expect("a proxy that reads");
        assert!(read(&mut stream, b"hello\n"), "an answer");
    }
}

/// Reads what ends like this; false if the connection ends before.
fn read(stream: &mut TcpStream, end: &[u8]) -> bool {
    let (mut buffer, mut filled) = ([0; 4096], 0);
    loop {
        match buffer.get_mut(filled..).map(|room| stream.read(room)) {
            Some(Ok(length)) if length > 0 => filled += length,
            _ => return false,
        }
        if buffer.get(..filled).is_some_and(|read| read.ends_with(end)) {
            return true;
        }
    }
}
