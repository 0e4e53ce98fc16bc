//! What an error of a connection means.

use std::error::Error as _;

use h2::Reason;

use super::http1;
use super::retry::Sent;
use crate::error::Kind;

/// How an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// What the client is told.
    pub(super) kind: Kind,
    /// How far the request had come.
    pub(super) sent: Sent,
    /// True if the connection is gone, and not only the one exchange.
    pub(super) connection: bool,
}

impl Fault {
    /// Reads an error of our own client; `is_tls` if nobody can tell how much of what was written in vain has left.
    pub(super) fn of_http1(error: &http1::Error, is_tls: bool) -> Self {
        match error {
            http1::Error::Unsent(_) if !is_tls => Self::new(Kind::Broken, Sent::Nothing, true),
            http1::Error::Malformed(_) => Self::new(Kind::BadResponse, Sent::Perhaps, true),
            http1::Error::Length(_) => Self::new(Kind::ClientBody, Sent::Perhaps, true),
            _ => Self::new(Kind::Broken, Sent::Perhaps, true),
        }
    }

    /// Reads an error of hyper; `unsent` if the request came back whole.
    pub(super) fn of(error: &hyper::Error, unsent: bool) -> Self {
        let fault = match error.source().and_then(|source| source.downcast_ref::<h2::Error>()) {
            Some(error) => Self::of_http2(error),
            None => Self::new(Kind::Broken, Sent::Perhaps, true),
        };
        if unsent { Self { sent: Sent::Nothing, ..fault } } else { fault }
    }

    /// REFUSED_STREAM, and GOAWAY to a stream behind the last one that was looked at, promise that nothing was done
    /// (RFC 9113, section 8.7).
    fn of_http2(error: &h2::Error) -> Self {
        let refused = error.reason() == Some(Reason::REFUSED_STREAM);
        match (error.is_remote(), error.is_library()) {
            (true, _) if error.is_go_away() => Self::new(Kind::Broken, Sent::Nothing, true),
            (true, _) if refused => Self::new(Kind::Broken, Sent::Nothing, false),
            (_, true) => Self::new(Kind::BadResponse, Sent::Perhaps, error.is_go_away()),
            _ => Self::new(Kind::Broken, Sent::Perhaps, !error.is_reset()),
        }
    }

    fn new(kind: Kind, sent: Sent, connection: bool) -> Self {
        Self { kind, sent, connection }
    }
}
