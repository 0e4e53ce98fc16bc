//! Endpoints and clients of UDP.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use crate::within;

/// From where, and what.
type Received = (SocketAddr, Vec<u8>);

/// An endpoint that answers each datagram with its name, a colon, and what it got. It stops when it is dropped.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Received>>>,
    task: AbortHandle,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Echo {
    /// On a free port of loopback.
    ///
    /// # Panics
    /// If there is none.
    pub async fn named(name: &str) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = socket.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (name, record) = (format!("{name}:"), seen.clone());
        let serve = async move {
            let mut buffer = vec![0; 65_536];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                record.lock().unwrap().push((from, buffer[..length].to_vec()));
                let room = 65_507_usize.saturating_sub(name.len()).min(length);
                let _ = socket.send_to(&[name.as_bytes(), &buffer[..room]].concat(), from).await;
            }
        };
        Self { address, seen, task: tokio::spawn(serve).abort_handle() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came, and from where.
    pub fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap().clone()
    }
}

/// A client with a port of its own.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
}

impl Datagrams {
    /// One that sends to this address alone.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        socket.connect(address).await.expect("an address");
        Self { socket }
    }

    /// Sends a datagram and waits for an answer; sends it again where nothing comes, because UDP may lose either.
    ///
    /// # Panics
    /// If none ever comes.
    pub async fn ask(&self, datagram: &[u8]) -> Vec<u8> {
        within("an answer by UDP", async {
            loop {
                if let Some(answer) = self.try_ask(datagram, Duration::from_millis(500)).await {
                    return answer;
                }
            }
        })
        .await
    }

    /// Sends a datagram and waits so long for an answer.
    pub async fn try_ask(&self, datagram: &[u8], patience: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        self.socket.send(datagram).await.ok()?;
        let length = tokio::time::timeout(patience, self.socket.recv(&mut buffer)).await.ok()?.ok()?;
        buffer.truncate(length);
        Some(buffer)
    }
}

/// A UDP port of loopback that nobody uses, below those that the system gives to whoever asks for any.
///
/// # Panics
/// If there is none.
pub fn free_udp_port() -> u16 {
    let free = |port: &u16| std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut tries = std::iter::repeat_with(|| rand::random_range(12_000..30_000)).take(1_000);
    tries.find(free).expect("a free port")
}
