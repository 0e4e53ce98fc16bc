//! What the transport does about clients that keep it waiting, where a whole server is too much to show it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ingress_core::Settings;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::lifecycle::Lifecycle;
use super::state::Open;
use super::transport::Transport;
use crate::config::Config;

/// Takes bytes as TLS does, and never gets them to the client.
struct Stuck;

impl AsyncRead for Stuck {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

fn stuck(config: &Config) -> Transport<Stuck> {
    let lifecycle = Arc::new(Lifecycle::new(Open::new(Arc::default())));
    Transport::new(Stuck, true, Vec::new(), lifecycle, &Settings::default(), config)
}

#[tokio::test(start_paused = true)]
async fn a_client_may_not_refuse_bytes_for_ever_that_tls_has_taken() {
    let config = Config::default();
    let begun = Instant::now();
    let mut transport = stuck(&config);
    let error = poll_fn(|cx| Pin::new(&mut transport).poll_flush(cx)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, config.send_timeout));
    let begun = Instant::now();
    let mut transport = stuck(&config);
    let error = poll_fn(|cx| Pin::new(&mut transport).poll_shutdown(cx)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, config.send_timeout));
}
