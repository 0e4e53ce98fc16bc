//! How an exchange over HTTP/1.1 fails.

use std::io;

use super::encode::WrongLength;
use crate::body::BoxError;

/// Why an exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub(in crate::upstream) enum Error {
    /// The connection took no byte of the request.
    #[error("the connection was closed before the request")]
    Unsent(#[source] io::Error),
    /// The endpoint closed the connection.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// What came is no answer, or not one answer.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The client's body failed.
    #[error("the body of the request failed")]
    Body(#[source] BoxError),
    /// The client's body is none that can be sent.
    #[error(transparent)]
    Length(#[from] WrongLength),
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::upstream) enum Malformed {
    #[error("not an answer of HTTP/1.1: {0}")]
    Head(&'static str),
    #[error("a content-length that is not one number")]
    Length,
    #[error("a transfer-encoding other than chunked")]
    Coding,
    #[error("a content-length and a transfer-encoding")]
    Both,
    #[error("a malformed chunk")]
    Chunk,
    #[error("malformed trailers")]
    Trailers,
    #[error("more than is held of fields or chunk extensions")]
    TooLarge,
    #[error("too many informational answers")]
    Informational,
}

impl From<httparse::Error> for Malformed {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooLarge,
            httparse::Error::HeaderName => Self::Head("invalid field name"),
            httparse::Error::HeaderValue => Self::Head("invalid field value"),
            httparse::Error::NewLine => Self::Head("invalid line break"),
            httparse::Error::Status => Self::Head("invalid status"),
            httparse::Error::Version => Self::Head("invalid version"),
            httparse::Error::Token => Self::Head("invalid token"),
        }
    }
}
