//! One try: what goes out, how long its answer is awaited, and how it fails.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use ingress_core::policy::Timeouts;
use tokio::time::{sleep, timeout};

use super::retry::Sent;
use super::upload::{Progress, Stage};
use crate::body::Body;
use crate::error::{Error, Kind};

/// A try that came to nothing.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What the client is told, if it is told.
    pub(crate) error: Error,
    /// How far the request had come.
    pub(crate) sent: Sent,
    /// True if the request is still whole.
    pub(crate) whole: bool,
    /// True if the connection has ended, and said nothing: one that was reused may have been closed before.
    pub(crate) dead: bool,
}

impl Failed {
    /// The answer did not come in time.
    pub(super) fn late(kind: Kind, whole: bool) -> Self {
        Self { error: kind.into(), sent: Sent::Perhaps, whole, dead: false }
    }
}

/// The request, and what is to be kept in mind while it is sent.
pub(crate) struct Outgoing<'r> {
    /// The request. It stays, for it may have to be sent once more.
    pub(crate) request: &'r mut Request<Body>,
    /// How far its body has come; `None` for a request without one.
    pub(crate) upload: Option<&'r Arc<Progress>>,
    pub(crate) timeouts: &'r Timeouts,
}

impl Outgoing<'_> {
    /// The kind of a failure: where the client's body has failed, it is that.
    pub(super) fn at_fault(&self, kind: Kind) -> Kind {
        match self.upload.map(|upload| upload.stage()) {
            Some(Stage::Failed(kind)) => kind,
            _ => kind,
        }
    }

    /// True if nothing of the body has been read.
    pub(super) fn is_untouched(&self) -> bool {
        self.upload.is_none_or(|upload| upload.stage() == Stage::Untouched)
    }
}

/// What is awaited while a body stands at this stage, and how much longer: as it goes out the endpoint must keep taking it, and when it is
/// out the time for the answer begins. `None` while it is the client who is awaited: that the [`Upload`](super::Upload) bounds itself.
pub(super) fn left(stage: Stage, timeouts: &Timeouts) -> Option<(Kind, Duration)> {
    match stage {
        Stage::AwaitsEndpoint(since) => Some((Kind::SendTimeout, timeouts.send.saturating_sub(since))),
        Stage::Done(since) => Some((Kind::ReadTimeout, timeouts.read.saturating_sub(since))),
        Stage::Untouched => Some((Kind::SendTimeout, timeouts.send)),
        Stage::AwaitsClient | Stage::Failed(_) => None,
    }
}

/// Waits for an answer that another task works on.
///
/// # Errors
/// [`Kind::SendTimeout`] or [`Kind::ReadTimeout`].
pub(super) async fn awaited<F, B, E>(
    sending: F,
    upload: Option<&Progress>,
    timeouts: &Timeouts,
) -> Result<Result<Response<B>, E>, Kind>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    let Some(upload) = upload else {
        return timeout(timeouts.read, sending).await.map_err(|_| Kind::ReadTimeout);
    };
    let mut sending = std::pin::pin!(sending);
    let mut wait = timeouts.send.min(timeouts.read);
    loop {
        tokio::select! { biased;
            answered = &mut sending => return Ok(answered),
            () = sleep(wait) => {}
        }
        wait = match left(upload.stage(), timeouts) {
            Some((kind, left)) if left.is_zero() || upload.stage() == Stage::Untouched => return Err(kind),
            Some((_, left)) => left,
            None => timeouts.send,
        };
    }
}
