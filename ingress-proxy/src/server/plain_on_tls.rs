//! HTTP without TLS on a port of TLS: told so, as nginx does (its status 497, which clients see as 400).

use std::future::poll_fn;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::linger::Linger;
use super::transport::first_line;
use crate::proxy::Proxy;

/// How much of a head is awaited before the answer, and for how long.
const HEAD: usize = 8 * 1024;
const TIME: Duration = Duration::from_secs(5);

const PAGE: &str = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n\
    <center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n\
    <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// Reads what looks like a request, answers it, and closes the connection. `first` was read already.
pub(super) async fn answer(mut io: TcpStream, first: Vec<u8>, proxy: &Proxy) {
    let head = match tokio::time::timeout(TIME, head(&mut io, first)).await {
        Ok(Some(head)) => head,
        // Nothing more is to be waited for; an answer may still help.
        Ok(None) | Err(_) => Vec::new(),
    };
    // For the observer: it learns of a request that was refused.
    let _ = proxy.refuse(StatusCode::BAD_REQUEST, first_line(&head)).into_body().collect().await;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    );
    let written = tokio::time::timeout(TIME, io.write_all(answer.as_bytes())).await;
    if matches!(written, Ok(Ok(()))) {
        let mut linger = Linger::default();
        // The connection ends here in any case.
        let _ = poll_fn(|cx| linger.poll_shutdown(cx, &mut io, true)).await;
    }
}

/// The head of a request, or the first of it; `None` if the client is gone.
async fn head(io: &mut TcpStream, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    while bytes.len() < HEAD && memchr::memmem::find(&bytes, b"\r\n\r\n").is_none() {
        if io.read_buf(&mut bytes).await.ok()? == 0 {
            break;
        }
    }
    Some(bytes)
}
