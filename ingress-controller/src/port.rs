//! A small server's port: bound at the start, so that what is wrong with it is known then; later a bounded number of connections.

use std::collections::VecDeque;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;

/// After a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound port.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Binds an address; port 0 takes a free one, and the IPv6 address for "any" means all of IPv4 too.
    ///
    /// # Errors
    /// [`Error::Listen`] with `flag`, the flag that the port comes from.
    pub(crate) fn bind(address: SocketAddr, flag: &'static str) -> Result<Self, Error> {
        let bind = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            if address.is_ipv6() {
                socket.set_only_v6(false)?;
            }
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(128)?;
            let listener = TcpListener::from(socket);
            Ok(Self { address: listener.local_addr()?, listener })
        };
        bind().map_err(|source| Error::Listen { flag, address, source })
    }

    /// The address with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves each connection in a task of its own until `stop` is closed. With `most` of them open, the next waits for a place, but not
    /// for one that somebody has held for longer than `hold`: whoever came first and does nothing must not keep others out.
    pub(crate) async fn run<S, F>(
        self,
        what: &str,
        (most, hold): (usize, Duration),
        mut stop: watch::Receiver<()>,
        mut serve: S,
    ) where
        S: FnMut(TcpStream) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the {what} is not served: {error}"),
        };
        let mut places = Places { free: Arc::new(Semaphore::new(most)), hold, taken: VecDeque::new() };
        let accept = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let Some(place) = places.take().await else { return };
                        let connection = serve(stream);
                        let task = tokio::spawn(async move {
                            connection.await;
                            drop(place);
                        });
                        places.taken.push_back((Instant::now(), task.abort_handle()));
                    }
                    // Out of files, most likely: the next try may find one.
                    Err(error) => {
                        tracing::debug!("{what}: cannot accept: {error}");
                        sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stop.changed() => {}
        }
    }
}

/// The places for connections.
struct Places {
    free: Arc<Semaphore>,
    hold: Duration,
    /// Since when by which task, the oldest first; those that have ended may be among them.
    taken: VecDeque<(Instant, AbortHandle)>,
}

impl Places {
    /// A free place, or that of the oldest when it has been held for long enough.
    async fn take(&mut self) -> Option<OwnedSemaphorePermit> {
        self.taken.retain(|(_, task)| !task.is_finished());
        let free = self.free.clone().acquire_owned();
        let Some((since, oldest)) = self.taken.front() else { return free.await.ok() };
        let mut free = pin!(free);
        tokio::select! {
            biased;
            place = &mut free => return place.ok(),
            () = sleep_until(*since + self.hold) => oldest.abort(),
        }
        free.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_holds_a_place_and_does_nothing_makes_room() {
        let port = Port::bind(([127, 0, 0, 1], 0).into(), "--port").unwrap();
        let (address, (_stop, stopped)) = (port.address(), watch::channel(()));
        let echo = |mut stream: TcpStream| async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
        };
        tokio::spawn(port.run("test", (2, Duration::from_millis(50)), stopped, echo));
        let mut held = Vec::new();
        for _ in 0..7 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut byte = [7];
            stream.write_all(&byte).await.unwrap();
            timeout(Duration::from_secs(30), stream.read_exact(&mut byte)).await.unwrap().unwrap();
            held.push(stream);
        }
        let last = held.last_mut().unwrap();
        last.write_all(&[8]).await.unwrap();
        assert_eq!(last.read_u8().await.unwrap(), 8, "nobody waits for its place");
    }
}
