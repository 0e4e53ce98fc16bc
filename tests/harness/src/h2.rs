//! A client for HTTP/2.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{Tls, within};

/// An HTTP/2 connection, with TLS or without.
#[derive(Debug)]
pub struct H2 {
    sender: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
}

impl H2 {
    /// Connects without TLS: with prior knowledge.
    ///
    /// # Panics
    /// If that fails.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(within("a connection", TcpStream::connect(address)).await.expect("a connection")).await
    }

    /// Connects with TLS, which must choose HTTP/2.
    ///
    /// # Panics
    /// If that fails.
    pub async fn connect_tls(tls: &Tls, address: SocketAddr, host: &str) -> Self {
        let tls = tls.clone().alpn(&["h2", "http/1.1"]);
        let stream = tls.handshake(address, host).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the protocol that was chosen");
        Self::over(stream).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) =
            within("an HTTP/2 handshake", Box::pin(handshake)).await.expect("a handshake");
        tokio::spawn(connection);
        Self { sender }
    }

    /// GETs a URL and collects the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn get(&self, url: &str) -> http::Response<Bytes> {
        let request = http::Request::get(url).body("").expect("a request");
        self.request(request).await.expect("an answer")
    }

    /// Sends a request on a stream of its own and collects the answer.
    ///
    /// # Errors
    /// What hyper says: the stream or the connection was reset.
    pub async fn request(
        &self,
        request: http::Request<impl Into<Bytes>>,
    ) -> hyper::Result<http::Response<Bytes>> {
        within("an HTTP/2 answer", async {
            let (head, body) = self.begin(request).await?.into_parts();
            Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
        })
        .await
    }

    /// Sends a request, and takes no more than the head of the answer and what the windows let through.
    ///
    /// # Errors
    /// What hyper says: the stream or the connection was reset.
    pub async fn begin(
        &self,
        request: http::Request<impl Into<Bytes>>,
    ) -> hyper::Result<http::Response<hyper::body::Incoming>> {
        let mut sender = self.sender.clone();
        let request = request.map(|body| Full::new(body.into()));
        within("the head of an HTTP/2 answer", async {
            sender.ready().await?;
            sender.send_request(request).await
        })
        .await
    }
}
