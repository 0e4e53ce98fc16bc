//! One connection: its requests, and its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::error::{Code, ConnectionError};
use h3::quic::SendStream as _;
use h3::server::RequestResolver;
use ingress_core::Settings;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::guard::Connection;
use super::request::{Site, serve};
use crate::config::Config;
use crate::server::http::HttpService;
use crate::server::state::Open;

/// How large a head may be when it is decoded, as for HTTP/2.
const HEAD: u64 = 32 * 1024;

/// A connection whose handshake is done.
pub(super) struct Served<S> {
    pub(super) connection: quinn::Connection,
    pub(super) site: Site<S>,
    pub(super) settings: Arc<Settings>,
    pub(super) config: Arc<Config>,
    pub(super) open: Open,
}

/// What a connection has come to.
enum Turn {
    /// It is to end.
    Leave,
    /// A request was answered.
    Answered,
    /// A request came.
    Came(Box<RequestResolver<Connection, Bytes>>),
}

impl<S: HttpService> Served<S> {
    /// Serves it to its end, which begins when there was no request for as long as a connection is kept, when it has carried as many as it
    /// may, or when `closing` says so.
    pub(super) async fn run(self, closing: CancellationToken) {
        let Self { connection, site, settings, config, open } = self;
        match serve_all(connection, site, &settings, &open, &closing).await {
            Ok(Some(h3)) => part(h3, config.drain_idle).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a connection of HTTP/3 ended early"),
        }
        // The client is told by a task that has been woken now.
        tokio::task::yield_now().await;
    }
}

/// Serves requests until the client has closed, or is to: then gives what is left of the connection.
async fn serve_all<S: HttpService>(
    connection: quinn::Connection,
    site: Site<S>,
    settings: &Settings,
    open: &Open,
    closing: &CancellationToken,
) -> Result<Option<Rest>, ConnectionError> {
    let connection = Connection::new(connection);
    let mut h3 = h3::server::builder().max_field_section_size(HEAD).build(connection).await?;
    let mut running = Running { tasks: JoinSet::new(), open, busy: false };
    let most = usize::try_from(settings.http2_max_concurrent_streams).unwrap_or(usize::MAX).max(1);
    let last = if settings.keep_alive.is_zero() { 1 } else { settings.keep_alive_requests.max(1) };
    let (mut idle_until, mut served, mut leaving) =
        (Instant::now() + settings.client_header_timeout, 0, false);
    while !(leaving && running.tasks.is_empty()) {
        let turn = tokio::select! { biased;
            () = closing.cancelled(), if !leaving => Turn::Leave,
            _ = running.tasks.join_next(), if !running.tasks.is_empty() => Turn::Answered,
            // A client that gives requests up as fast as it makes them has no more of them running than others.
            request = h3.accept(), if running.tasks.len() < most => match request? {
                Some(request) => Turn::Came(Box::new(request)),
                None => return Ok(None),
            },
            () = sleep_until(idle_until), if running.tasks.is_empty() => Turn::Leave,
        };
        let leave = match turn {
            Turn::Leave => true,
            Turn::Answered => {
                idle_until = Instant::now() + settings.keep_alive;
                false
            }
            Turn::Came(request) if leaving => {
                reject(*request);
                false
            }
            Turn::Came(request) => {
                open.note_request();
                running.tasks.spawn(serve(*request, site.clone()));
                served += 1;
                served == last
            }
        };
        running.note();
        if leave && !leaving {
            leaving = true;
            // Those that have come are answered. The one after the last is the first that is not (RFC 9114, section 5.2).
            h3.shutdown(1).await?;
        }
    }
    Ok(Some(h3))
}

/// A connection that carries no further request.
type Rest = h3::server::Connection<Connection, Bytes>;

/// Gives the last answer the time to arrive: the end of a connection overtakes it.
async fn part(mut h3: Rest, time: Duration) {
    let wait = async {
        while let Ok(Some(request)) = h3.accept().await {
            reject(request);
        }
    };
    // A client that knows that it is to go closes before.
    let _ = timeout(time, wait).await;
}

/// The client may send the request again, elsewhere.
fn reject(mut request: RequestResolver<Connection, Bytes>) {
    request.frame_stream.reset(Code::H3_REQUEST_REJECTED.value());
}

/// The requests that are being answered. With the connection they end.
struct Running<'o> {
    tasks: JoinSet<()>,
    open: &'o Open,
    busy: bool,
}

impl Running<'_> {
    /// Notes whether the connection is one on which something is being answered.
    fn note(&mut self) {
        let busy = !self.tasks.is_empty();
        if busy != std::mem::replace(&mut self.busy, busy) {
            self.open.note_writing(busy);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.busy {
            self.open.note_writing(false);
        }
    }
}
