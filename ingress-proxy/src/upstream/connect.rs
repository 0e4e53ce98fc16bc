//! Opening a connection to an endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::body::Body;
use crate::error::{Error, Kind};

/// Connects, and leaves the connection to a task of its own.
///
/// # Errors
/// [`Kind::Connect`] or [`Kind::ConnectTimeout`].
pub(crate) async fn connect(address: SocketAddr, timeout: Duration) -> Result<SendRequest<Body>, Error> {
    let stream = tokio::time::timeout(timeout, TcpStream::connect(address))
        .await
        .map_err(|_| Kind::ConnectTimeout)?
        .map_err(|error| Error::with(Kind::Connect, error))?;
    // Without it a small write can wait for the acknowledgement of the one before; a socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    let (sender, connection) = Builder::new()
        .max_buf_size(256 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::with(Kind::Connect, error))?;
    tokio::spawn(async move {
        // What goes wrong here also fails the request that is under way, or closes an idle connection.
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%address, %error, "connection to an endpoint ended early");
        }
    });
    Ok(sender)
}
