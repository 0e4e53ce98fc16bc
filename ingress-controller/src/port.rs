//! A small server's port: bound at the start, so that what is wrong with it is known then; later a bounded number of connections.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

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

    /// Serves each connection in a task of its own until `stop` is closed. With `most` of them open, more wait to be accepted.
    pub(crate) async fn run<S, F>(self, what: &str, most: usize, mut stop: watch::Receiver<()>, mut serve: S)
    where
        S: FnMut(TcpStream) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the {what} is not served: {error}"),
        };
        let permits = Arc::new(Semaphore::new(most));
        let accept = async {
            loop {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let connection = serve(stream);
                        tokio::spawn(async move {
                            connection.await;
                            drop(permit);
                        });
                    }
                    // Out of files, most likely: the next try may find one.
                    Err(error) => {
                        tracing::debug!("{what}: cannot accept: {error}");
                        tokio::time::sleep(PAUSE).await;
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
