//! The webhook that says whether an Ingress may be created.
//!
//! The API server asks it before it stores an Ingress; what decides is not here but given to [`Webhook::run`]. Nobody has to prove who they
//! are to ask, so nothing that is sent is run, rendered, resolved or written down, no file is read on its behalf, and the answer speaks only
//! of the Ingress in the question. (One refusal also names another Ingress: that which has the same host and path already. It is
//! ingress-nginx's, and people rely on it.) Size, time and number of questions are bounded.

mod certificate;
mod review;
mod serve;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::Verdict;
use k8s_openapi::api::networking::v1::Ingress;
use tokio::sync::watch;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::port::Port;
use certificate::Identity;

/// The bound port with its certificate.
#[derive(Debug)]
pub(crate) struct Webhook {
    port: Port,
    identity: Identity,
    limits: Limits,
}

/// What one caller may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// So many connections are served at once. Each carries one question.
    connections: usize,
    /// When all are taken, one that is older than this makes room: the API server waits for ten seconds and asks within milliseconds.
    hold: Duration,
    /// How long the TLS handshake may take.
    handshake: Duration,
    /// How long everything after it may take.
    exchange: Duration,
    /// Bytes of a question. The API server takes objects of up to 3 MiB.
    body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let time = Duration::from_secs(10);
        Self { connections: 64, hold: Duration::from_secs(2), handshake: time, exchange: time, body: 3 << 20 }
    }
}

/// What decides.
type Judge = dyn Fn(&Ingress) -> Verdict + Send + Sync;

/// What each connection is served with.
struct Context {
    judge: Box<Judge>,
    metrics: Arc<Metrics>,
    limits: Limits,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Binds the address of `--validating-webhook`, and reads the files of `--validating-webhook-certificate` and
    /// `--validating-webhook-key`, both PEM. They are read again whenever they change.
    ///
    /// # Errors
    /// [`Error`] with the flag that has to be changed, if a file cannot be used, the two do not fit, or the address is not to be had.
    pub(crate) fn bind(address: SocketAddr, certificate: &Path, key: &Path) -> Result<Self, Error> {
        let identity = Identity::new(certificate, key)?;
        let port = Port::bind(address, "--validating-webhook")?;
        Ok(Self { port, identity, limits: Limits::default() })
    }

    /// The address with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Answers until `stop` is closed. To be run on a thread of its own: `judge` is called on it, one question after the other.
    pub(crate) async fn run(
        self,
        judge: impl Fn(&Ingress) -> Verdict + Send + Sync + 'static,
        metrics: Arc<Metrics>,
        stop: watch::Receiver<()>,
    ) {
        let Self { port, mut identity, limits } = self;
        let context = Arc::new(Context { judge: Box::new(judge), metrics, limits });
        let serve = |stream| serve::connection(stream, identity.current(), context.clone());
        port.run("admission webhook", (limits.connections, limits.hold), stop, serve).await;
    }
}
