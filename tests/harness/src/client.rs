//! Clients that send exact bytes, with TLS or without.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::io::Io;
use crate::tls::{Agreed, Tls};
use crate::wire::{Framing, Head, Wire};
use crate::within;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its head.
    pub head: Head,
    /// Its body without framing.
    pub body: Vec<u8>,
    /// The trailers after a chunked body.
    pub trailers: Vec<(String, String)>,
    /// The 1xx answers before it.
    pub interim: Vec<Head>,
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// If it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }

    /// A header that is there at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
}

/// A connection over which exact bytes go.
pub struct Client {
    wire: Wire,
    tls: Option<Agreed>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(self.wire.io().tcp()).finish()
    }
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// If that fails.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap_or_else(|error| panic!("connecting to {address}: {error}"))
    }

    /// Connects, or says why not.
    pub async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = within(format!("a connection to {address}"), TcpStream::connect(address)).await?;
        Ok(Self { wire: Wire::new(stream, None), tls: None })
    }

    /// Goes on with TLS, for a host, where this one has sent what comes before it.
    ///
    /// # Errors
    /// What the other side says.
    ///
    /// # Panics
    /// If there is TLS already.
    pub async fn begin_tls(self, tls: &Tls, host: &str) -> io::Result<Self> {
        match self.wire.into_io() {
            Io::Plain(stream) => Ok(Self::over(tls.handshake_on(stream, host).await?)),
            Io::Tls(_) => panic!("TLS within TLS"),
        }
    }

    fn over(stream: TlsStream<TcpStream>) -> Self {
        let agreed = Agreed::of(&stream);
        Self { wire: Wire::new(Io::Tls(Box::new(stream)), None), tls: Some(agreed) }
    }

    /// What came of the handshake.
    ///
    /// # Panics
    /// If there was none.
    pub fn agreed(&self) -> &Agreed {
        self.tls.as_ref().expect("a connection with TLS")
    }

    /// GETs a path of a host.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn get(&mut self, host: &str, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        self.answer().await
    }

    /// The client's own address.
    pub fn local_address(&self) -> SocketAddr {
        self.wire.io().tcp().local_addr().expect("the address of a socket")
    }

    /// Sends these bytes as they are.
    ///
    /// # Panics
    /// If they cannot be sent.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap_or_else(|error| panic!("sending: {error}"));
    }

    /// Sends these bytes as they are, or says why not: the proxy may have closed.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("the proxy to take what is sent", self.wire.write(bytes.as_ref())).await
    }

    /// Closes the sending half.
    pub async fn half_close(&mut self) {
        let _ = self.wire.half_close().await;
    }

    /// Reads the answer to a request that was not HEAD.
    ///
    /// # Panics
    /// If there is none, or it is malformed.
    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    /// Reads the answer to a request with this method.
    ///
    /// # Panics
    /// If there is none, or it is malformed.
    pub async fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer(method).await.unwrap_or_else(|error| panic!("the answer to {method}: {error}"))
    }

    /// Reads the answer to a request with this method, or says why that cannot be done.
    pub async fn try_answer(&mut self, method: &str) -> io::Result<Answer> {
        let mut interim = Vec::new();
        loop {
            let head = self.try_head().await?;
            match head.status() {
                100 | 102..=199 => interim.push(head),
                status => {
                    let framing = head.framing(Some(method));
                    let body = within("the body of an answer", self.wire.body(framing)).await?;
                    return Ok(Answer { status, head, body: body.data, trailers: body.trailers, interim });
                }
            }
        }
    }

    /// Reads only the head of the next answer, be it interim or final.
    ///
    /// # Panics
    /// If there is none.
    pub async fn head(&mut self) -> Head {
        self.try_head().await.unwrap_or_else(|error| panic!("the head of an answer: {error}"))
    }

    async fn try_head(&mut self) -> io::Result<Head> {
        let head = within("the head of an answer", self.wire.head()).await?;
        head.ok_or_else(|| io::Error::new(io::ErrorKind::ConnectionAborted, "closed without an answer"))
    }

    /// Reads the next chunk of a chunked body; `None` at its end (before the trailers).
    ///
    /// # Panics
    /// If there is none.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        within("a chunk of an answer", self.wire.chunk()).await.expect("a chunk")
    }

    /// Reads so many raw bytes.
    ///
    /// # Panics
    /// If there are fewer.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        within(format!("{length} more bytes"), self.wire.exactly(length)).await.expect("bytes")
    }

    /// Reads so many raw bytes, unless the connection ends before.
    pub async fn exactly_or_end(&mut self, length: usize) -> Option<Vec<u8>> {
        within(format!("{length} more bytes, or the end"), self.wire.exactly(length)).await.ok()
    }

    /// Reads what comes next, at least one byte; nothing when the proxy closes.
    ///
    /// # Errors
    /// What the system says, such as of a reset.
    pub async fn some(&mut self) -> io::Result<Vec<u8>> {
        within("more bytes", self.wire.some()).await
    }

    /// Waits until the proxy closes and returns what came before that. A reset counts as closing.
    pub async fn closed(&mut self) -> Vec<u8> {
        match within("the proxy to close the connection", self.wire.body(Framing::Close)).await {
            Ok(body) => body.data,
            Err(_) => Vec::new(),
        }
    }
}

impl Tls {
    /// Connects for a host.
    ///
    /// # Panics
    /// If that fails.
    pub async fn connect(&self, address: SocketAddr, host: &str) -> Client {
        self.try_connect(address, host)
            .await
            .unwrap_or_else(|error| panic!("a handshake with {address} for {host}: {error}"))
    }

    /// Connects for a host, or says why not.
    ///
    /// # Errors
    /// What the system or the other side says.
    pub async fn try_connect(&self, address: SocketAddr, host: &str) -> io::Result<Client> {
        self.handshake(address, host).await.map(Client::over)
    }
}
