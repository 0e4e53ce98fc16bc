//! An answer that has overtaken the body of its request.
//!
//! A client may take nothing of the answer before it has sent all of its request, and an endpoint may take nothing more of the request before
//! its answer is taken. So each side has to go on for itself, and that is what a task is for. Few requests need it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ingress_core::policy::Timeouts;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::exclusive::Exclusive;
use super::upload::Progress;
use crate::error::{Error, Kind};

/// The body of such an answer. Dropped before its end, the connection is closed.
pub(crate) struct Overtaken {
    /// `None` is the end; without it the body has broken off.
    pieces: mpsc::Receiver<Option<Result<Bytes, Error>>>,
    left: Option<u64>,
    is_over: bool,
}

type Pieces = PollSender<Option<Result<Bytes, Error>>>;

impl Overtaken {
    /// Leaves the connection to a task of its own.
    pub(super) fn start(lease: Box<Exclusive>, progress: Arc<Progress>, timeouts: Timeouts) -> Self {
        let (sender, pieces) = mpsc::channel(1);
        let left = lease.left();
        tokio::spawn(run(lease, PollSender::new(sender), progress, timeouts));
        Self { pieces, left, is_over: false }
    }

    /// The next bytes; `None` when the answer is over.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(cx)).unwrap_or(Some(Err(Kind::Broken.into())));
        match &piece {
            Some(Ok(data)) => self.left = self.left.map(|left| left.saturating_sub(data.len() as u64)),
            Some(Err(_)) | None => self.is_over = true,
        }
        Poll::Ready(piece)
    }

    /// How much is still to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Hands the answer over as it is taken, and sends the request on meanwhile.
async fn run(mut lease: Box<Exclusive>, mut pieces: Pieces, progress: Arc<Progress>, timeouts: Timeouts) {
    loop {
        let Some(piece) = poll_fn(|cx| poll_piece(&mut lease, &mut pieces, cx)).await else {
            // Whoever knows the length of the answer does not ask for its end.
            if lease.is_answered() {
                break;
            }
            return;
        };
        let is_over = !matches!(piece, Some(Ok(_)));
        let is_broken = matches!(piece, Some(Err(_)));
        if pieces.send_item(piece).is_err() || is_broken {
            return;
        }
        if is_over {
            break;
        }
    }
    drop(pieces);
    finish(lease, progress, timeouts).await;
}

/// The next piece of the answer, once there is room for it; `None` if nobody takes it any more.
fn poll_piece(
    lease: &mut Exclusive,
    pieces: &mut Pieces,
    cx: &mut Context<'_>,
) -> Poll<Option<Option<Result<Bytes, Error>>>> {
    if let Poll::Ready(Err(error)) = lease.poll_upload(cx) {
        ready!(pieces.poll_reserve(cx)).ok();
        return Poll::Ready(Some(Some(Err(error))));
    }
    if ready!(pieces.poll_reserve(cx)).is_err() {
        return Poll::Ready(None);
    }
    lease.poll_data(cx).map(Some)
}

/// Sends what is left of the request after the answer, as long as the endpoint takes it, and gives the connection back if it is still good.
/// (nginx reads it and throws it away. What a client sends must be read in any case: one that is cut off may never look at its answer.)
pub(super) async fn finish(mut lease: Box<Exclusive>, progress: Arc<Progress>, timeouts: Timeouts) {
    let sent = poll_fn(|cx| match lease.poll_upload(cx) {
        Poll::Ready(sent) => Poll::Ready(sent.is_ok()),
        Poll::Pending => lease.poll_late(cx, Some(&progress), &timeouts).map(|_| false),
    });
    if sent.await {
        lease.release();
    }
}
