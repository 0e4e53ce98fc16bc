//! Upstream servers that record what they get, and behave as told.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::DEADLINE;
use crate::io::Io;
use crate::tls::{Agreed, TlsServer};
use crate::wire::{Framing, Head, Wire};

/// A request as an endpoint got it.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// Its head, byte for byte.
    pub head: Head,
    /// Its body without framing, once it was read.
    pub body: Vec<u8>,
    /// The trailers after a chunked body.
    pub trailers: Vec<(String, String)>,
    /// True if the body was read to its end.
    pub complete: bool,
}

impl Recorded {
    /// A header that is there at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }
}

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Recorded>,
    connections: Vec<Vec<u8>>,
    handshakes: Vec<Agreed>,
    open: usize,
}

#[derive(Debug)]
struct Record {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
}

impl Record {
    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock().unwrap());
        self.changed.send_replace(());
        result
    }
}

type Script = Arc<dyn Fn(Conn) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> + Send + Sync>;

/// A server on a free port, of loopback unless another address is given. It stops when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    record: Arc<Record>,
    accepting: Option<AbortHandle>,
    // Bound but not listening, so that the port is ours and yet refuses.
    _refusing: Option<Socket>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Upstream {
    /// A well-behaved server: it keeps connections alive and answers every request 200 with `name` as the body and its own address in
    /// the header `X-Endpoint`.
    pub async fn named(name: &str) -> Self {
        Self::named_at(Ipv4Addr::LOCALHOST.into(), name).await
    }

    /// As [`named`](Self::named), on a free port of this address.
    pub async fn named_at(ip: IpAddr, name: &str) -> Self {
        let name: Arc<str> = name.into();
        Self::script_at(ip, move |conn| behave(conn, name.clone())).await
    }

    /// As [`named`](Self::named), behind TLS.
    pub async fn named_tls(tls: TlsServer, name: &str) -> Self {
        let name: Arc<str> = name.into();
        Self::script_tls(tls, move |conn| behave(conn, name.clone())).await
    }

    /// A server that reads each request to its end and then writes these bytes, whatever they are.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::script(move |mut conn| {
            let bytes = bytes.clone();
            async move {
                while conn.request().await?.is_some() {
                    conn.write(&bytes).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// A server that reads each request, writes these bytes and closes the connection.
    pub async fn answering_once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::script(move |mut conn| {
            let bytes = bytes.clone();
            async move {
                conn.request().await?;
                conn.write(&bytes).await
            }
        })
        .await
    }

    /// A server that reads each request and never answers.
    pub async fn stalling() -> Self {
        Self::stalling_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// As [`stalling`](Self::stalling), on a free port of this address.
    pub async fn stalling_at(ip: IpAddr) -> Self {
        Self::script_at(ip, |mut conn| async move {
            conn.request().await?;
            conn.gone().await;
            Ok(())
        })
        .await
    }

    /// A server that takes connections, reads each request and closes without an answer.
    pub async fn closing() -> Self {
        Self::answering_once("").await
    }

    /// A port that refuses connections.
    pub fn refusing() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        Self { address, record: Arc::new(Record::new()), accepting: None, _refusing: Some(socket) }
    }

    /// A server whose every connection is handled by `script`; when that returns, the connection is closed.
    pub async fn script<S, F>(script: S) -> Self
    where
        S: Fn(Conn) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::script_at(Ipv4Addr::LOCALHOST.into(), script).await
    }

    /// As [`script`](Self::script), on a free port of this address.
    pub async fn script_at<S, F>(ip: IpAddr, script: S) -> Self
    where
        S: Fn(Conn) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::script_with(ip, None, script).await
    }

    /// As [`script`](Self::script), behind TLS; a connection whose handshake fails is closed.
    pub async fn script_tls<S, F>(tls: TlsServer, script: S) -> Self
    where
        S: Fn(Conn) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::script_with(Ipv4Addr::LOCALHOST.into(), Some(tls), script).await
    }

    async fn script_with<S, F>(ip: IpAddr, tls: Option<TlsServer>, script: S) -> Self
    where
        S: Fn(Conn) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let record = Arc::new(Record::new());
        let script: Script = Arc::new(move |conn| Box::pin(script(conn)));
        let accepting = tokio::spawn(accept(listener, tls, record.clone(), script)).abort_handle();
        Self { address, record, accepting: Some(accepting), _refusing: None }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and cuts all connections.
    pub fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }

    /// All requests whose head arrived.
    pub fn requests(&self) -> Vec<Recorded> {
        self.record.seen.lock().unwrap().requests.clone()
    }

    /// How many requests arrived.
    pub fn count(&self) -> usize {
        self.record.seen.lock().unwrap().requests.len()
    }

    /// The only request that arrived.
    ///
    /// # Panics
    /// If there were none or several.
    pub fn only_request(&self) -> Recorded {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests at the upstream: {requests:?}");
        requests.into_iter().next().unwrap_or_default()
    }

    /// Every byte that arrived on each connection.
    pub fn connections(&self) -> Vec<Vec<u8>> {
        self.record.seen.lock().unwrap().connections.clone()
    }

    /// What came of each handshake, in order.
    pub fn handshakes(&self) -> Vec<Agreed> {
        self.record.seen.lock().unwrap().handshakes.clone()
    }

    /// Waits until `count` requests have arrived.
    pub async fn wait_requests(&self, count: usize) {
        self.wait(&format!("{count} requests"), |seen| seen.requests.len() >= count).await;
    }

    /// Waits until the bytes of a connection contain `needle`.
    pub async fn wait_bytes(&self, connection: usize, needle: &str) {
        let has = |bytes: &Vec<u8>| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        self.wait(&format!("{needle:?}"), |seen| seen.connections.get(connection).is_some_and(has)).await;
    }

    /// Waits until no connection is open.
    pub async fn wait_all_closed(&self) {
        self.wait("every connection to be closed", |seen| seen.open == 0).await;
    }

    async fn wait(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        let mut changed = self.record.changed.subscribe();
        let waited = async {
            while !condition(&self.record.seen.lock().unwrap()) {
                changed.changed().await.expect("the record outlives this");
            }
        };
        if tokio::time::timeout(DEADLINE, waited).await.is_err() {
            let (requests, open) = self.record.change(|seen| (seen.requests.len(), seen.open));
            panic!(
                "upstream {}: waited {DEADLINE:?} in vain for {what}; it has {requests} requests, {open} connections open",
                self.address
            );
        }
    }
}

impl Record {
    fn new() -> Self {
        Self { seen: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

async fn behave(mut conn: Conn, name: Arc<str>) -> io::Result<()> {
    while let Some(request) = conn.request().await? {
        let body = if request.head.method() == "HEAD" { "" } else { &name };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nX-Endpoint: {}\r\n\r\n",
            name.len(),
            conn.local_address(),
        );
        conn.write(head + body).await?;
    }
    Ok(())
}

async fn accept(listener: TcpListener, tls: Option<TlsServer>, record: Arc<Record>, script: Script) {
    // Dropped with this task, and the connections with it.
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (tls, record, script) = (tls.clone(), record.clone(), script.clone());
                // What goes wrong on a connection is the other side's doing, and the test sees that there.
                open.spawn(async move { drop(serve(stream, tls, record, script).await) });
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsServer>,
    record: Arc<Record>,
    script: Script,
) -> io::Result<()> {
    let socket = match tls {
        None => Io::Plain(stream),
        Some(tls) => {
            let (socket, agreed) = tls.accept(stream).await?;
            record.change(|seen| seen.handshakes.push(agreed));
            socket
        }
    };
    script(Conn::new(socket, record)).await
}

/// A connection as its server sees it.
pub struct Conn {
    wire: Wire,
    record: Arc<Record>,
    /// Counted from 0 in the order of arrival.
    pub index: usize,
    request: usize,
    local: SocketAddr,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.record.change(|seen| seen.open -= 1);
    }
}

impl Conn {
    fn new(socket: Io, record: Arc<Record>) -> Self {
        let index = record.change(|seen| {
            seen.open += 1;
            seen.connections.push(Vec::new());
            seen.connections.len() - 1
        });
        let local = socket.tcp().local_addr().unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let tapped = record.clone();
        let tap = move |bytes: &[u8]| tapped.change(|seen| seen.connections[index].extend_from_slice(bytes));
        Self { wire: Wire::new(socket, Some(Arc::new(tap))), record, index, request: 0, local }
    }

    /// The server's own address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Reads and records a whole request; `None` when the proxy closes instead.
    pub async fn request(&mut self) -> io::Result<Option<Recorded>> {
        let Some(head) = self.head().await? else { return Ok(None) };
        self.body(&head).await.map(Some)
    }

    /// Reads and records only the head of a request.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(head) = self.wire.head().await? else { return Ok(None) };
        let recorded = Recorded { connection: self.index, head: head.clone(), ..Recorded::default() };
        self.request = self.record.change(|seen| {
            seen.requests.push(recorded);
            seen.requests.len() - 1
        });
        Ok(Some(head))
    }

    /// Reads and records the body after a head.
    pub async fn body(&mut self, head: &Head) -> io::Result<Recorded> {
        let body = self.wire.body(head.framing(None)).await?;
        let index = self.request;
        Ok(self.record.change(|seen| {
            let recorded = &mut seen.requests[index];
            (recorded.body, recorded.trailers, recorded.complete) = (body.data, body.trailers, true);
            recorded.clone()
        }))
    }

    /// Reads so many raw bytes.
    pub async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        self.wire.exactly(length).await
    }

    /// Reads what comes next, at least one byte; nothing when the proxy closes its half.
    pub async fn some(&mut self) -> io::Result<Vec<u8>> {
        self.wire.some().await
    }

    /// Reads until the proxy closes its half.
    pub async fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.wire.body(Framing::Close).await.map(|body| body.data)
    }

    /// Writes these bytes as they are.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.write(bytes.as_ref()).await
    }

    /// Closes the sending half.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.wire.half_close().await
    }

    /// Closes with a reset instead of an orderly end.
    pub fn reset(self) {
        let _ = socket2::SockRef::from(self.wire.io().tcp()).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Waits until the proxy closes.
    pub async fn gone(&mut self) {
        let _ = self.rest().await;
    }
}

/// For whoever goes on with another protocol. What is read so is not recorded.
impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().wire.poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().wire.writer().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().wire.writer().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().wire.writer().poll_shutdown(cx)
    }
}

/// Lets requests wait at an upstream until a test opens it.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    /// Lets everybody through from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.0.receiver_count()
    }

    /// Waits until it is open, however long that takes: the test that holds it has a deadline.
    pub async fn passed(&self) {
        let mut state = self.0.subscribe();
        let _ = state.wait_for(|open| *open).await;
    }
}

/// Counts, for scripts that do something else each time.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicUsize>);

impl Turn {
    /// 0 the first time, then 1, 2 …
    pub fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
