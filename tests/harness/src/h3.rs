//! A client for HTTP/3.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use quinn::crypto::rustls::QuicClientConfig;
use tokio::task::AbortHandle;

use crate::{Tls, within};

/// An HTTP/3 connection. It ends when it is dropped.
pub struct H3 {
    sender: h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>,
    driver: AbortHandle,
    _endpoint: quinn::Endpoint,
}

impl std::fmt::Debug for H3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("H3")
    }
}

impl Drop for H3 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl H3 {
    /// Connects for a host.
    ///
    /// # Errors
    /// Why that fails.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn connect(tls: &Tls, address: SocketAddr, host: &str) -> Result<Self, String> {
        let tls = tls.clone().alpn(&["h3"]).config();
        let config = QuicClientConfig::try_from(tls).expect("a client of TLS 1.3");
        let mut endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(config)));
        let connecting = endpoint.connect(address, host).map_err(|error| error.to_string())?;
        let connection = within("a QUIC connection", connecting).await.map_err(|error| error.to_string())?;
        let built = h3::client::new(h3_quinn::Connection::new(connection)).await;
        let (mut driver, sender) = built.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(async move { driver.wait_idle().await }).abort_handle();
        Ok(Self { sender, driver, _endpoint: endpoint })
    }

    /// Sends a request and collects the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn request(&self, request: http::Request<Bytes>) -> Result<http::Response<Vec<u8>>, String> {
        let mut sender = self.sender.clone();
        let (head, body) = request.into_parts();
        within("an HTTP/3 answer", async move {
            let mut stream = sender.send_request(http::Request::from_parts(head, ())).await?;
            if !body.is_empty() {
                stream.send_data(body).await?;
            }
            stream.finish().await?;
            let mut answer = stream.recv_response().await?.map(|()| Vec::new());
            while let Some(mut data) = stream.recv_data().await? {
                let length = data.remaining();
                answer.body_mut().extend_from_slice(&data.copy_to_bytes(length));
            }
            Ok(answer)
        })
        .await
        .map_err(|error: h3::error::StreamError| error.to_string())
    }

    /// GETs a URL and collects the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn get(&self, url: &str) -> http::Response<Vec<u8>> {
        let request = http::Request::get(url).body(Bytes::new()).expect("a request");
        self.request(request).await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }
}
