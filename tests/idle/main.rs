//! What a client costs that is connected and says nothing: bytes that live on the heap, which a busy machine does not change.
//!
//! What the system and the C part of the cryptography hold is not counted, nor what the allocator loses between its blocks.

// The helpers of tests may fail where they stand, as the tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use harness::{Manifests, Tls, affordable, start, until};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, Stream};

/// Counts every block that this process allocates, on whichever thread.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The most that a silent connection may hold, in bytes.
const PLAIN: usize = 2500;
const SECURE: usize = 9000;

/// Clients that hold nothing but a socket when they are silent.
struct Clients {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    silent: Vec<TcpStream>,
}

impl Clients {
    /// One client more, which makes a request and then says nothing.
    fn add(&mut self) {
        let mut socket = TcpStream::connect(self.address).expect("a connection");
        match &self.tls {
            None => exchange(&mut socket),
            Some(config) => {
                let name = "a.test".try_into().expect("a name");
                let mut connection = ClientConnection::new(config.clone(), name).expect("a client");
                exchange(&mut Stream::new(&mut connection, &mut socket));
            }
        }
        self.silent.push(socket);
    }
}

fn exchange(io: &mut (impl Read + Write)) {
    io.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").expect("a proxy that reads");
    let mut answer = Vec::with_capacity(4096);
    while !answer.ends_with(b"</html>\r\n") {
        let mut part = [0; 1024];
        let read = io.read(&mut part).expect("an answer");
        assert_ne!(read, 0, "{}", answer.escape_ascii());
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
    }
    assert!(answer.starts_with(b"HTTP/1.1 404 "), "{}", answer.escape_ascii());
}

fn live() -> usize {
    dhat::HeapStats::get().curr_bytes
}

/// How much each client costs when all have become silent; at most so much.
async fn cost(mut clients: Clients, most: usize) {
    let (count, before) = (affordable(500), live());
    (0..count).for_each(|_| clients.add());
    let at_first = (live() - before) / count;
    let each = until(format!("{count} clients to cost at most {most} bytes each"), async || {
        let each = live().saturating_sub(before) / count;
        (each <= most).then_some(each)
    })
    .await;
    println!("{at_first} bytes for each connection after its request, {each} when it is silent");
}

#[tokio::test]
async fn a_silent_connection_holds_little() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let harness = start(&Manifests::new()).await;
    cost(Clients { address: harness.address(), tls: None, silent: Vec::new() }, PLAIN).await;
    let tls = Some(Arc::new(Tls::any().config()));
    cost(Clients { address: harness.https(), tls, silent: Vec::new() }, SECURE).await;
}
