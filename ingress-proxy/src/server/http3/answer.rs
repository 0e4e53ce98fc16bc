//! An answer on its way to the client.

use std::time::Duration;

use bytes::Bytes;
use h3::error::Code;
use h3::server::RequestStream;
use http::header::{CONNECTION, DATE, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::time::timeout;

use crate::body::BoxError;

/// What is about a connection of HTTP/1 (RFC 9114, section 4.2).
const OF_CONNECTIONS: [HeaderName; 6] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    TE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The sending side of a request's stream. Unless the answer was finished it ends with a reset, so that what was cut off does not look whole.
pub(super) struct Answer {
    stream: RequestStream<h3_quinn::SendStream<Bytes>, Bytes>,
    /// How long the client may take no more.
    patience: Duration,
    /// The request was a HEAD: there is no body, whatever the answer has.
    head_only: bool,
    finished: bool,
}

impl Answer {
    pub(super) fn new(
        stream: RequestStream<h3_quinn::SendStream<Bytes>, Bytes>,
        patience: Duration,
        head_only: bool,
    ) -> Self {
        Self { stream, patience, head_only, finished: false }
    }

    /// Tells a client that waits for it to send its body.
    ///
    /// # Errors
    /// If the client gave up.
    pub(super) async fn go_on(&mut self) -> Result<(), BoxError> {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::CONTINUE;
        Ok(timeout(self.patience, self.stream.send_response(head)).await??)
    }

    /// Sends all of an answer.
    ///
    /// # Errors
    /// If the client gave up or takes no more, or if the body breaks off.
    pub(super) async fn send<B>(mut self, response: Response<B>) -> Result<(), BoxError>
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send,
    {
        let (mut head, body) = response.into_parts();
        for name in &OF_CONNECTIONS {
            head.headers.remove(name);
        }
        set_date(&mut head.headers);
        let (stream, patience) = (&mut self.stream, self.patience);
        timeout(patience, stream.send_response(Response::from_parts(head, ()))).await??;
        let mut body = std::pin::pin!(body.map_err(Into::<BoxError>::into));
        while let Some(frame) = if self.head_only { None } else { body.frame().await } {
            match frame?.into_data() {
                Ok(data) => timeout(patience, stream.send_data(data)).await??,
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        timeout(patience, stream.send_trailers(trailers)).await??;
                    }
                }
            }
        }
        timeout(patience, stream.finish()).await??;
        self.finished = true;
        Ok(())
    }
}

/// What hyper does for the other protocols.
fn set_date(headers: &mut HeaderMap) {
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    if let Some(now) = now.ok().and_then(|now| HeaderValue::try_from(now).ok()) {
        headers.entry(DATE).or_insert(now);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.finished {
            self.stream.stop_stream(Code::H3_INTERNAL_ERROR);
        }
    }
}
