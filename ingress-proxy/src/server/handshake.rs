//! Handshakes of TLS with clients.

use std::io;
use std::sync::Arc;

use ingress_core::tls::Passthrough;
use rustls::HandshakeKind;
use rustls::server::Acceptor;
use rustls_pki_types::UnixTime;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::prefixed::Prefixed;
use crate::connection::{ClientIdentity, Tls};
use crate::snapshot::Published;
use crate::tls::{Policy, server_name};

/// How many bytes of a ClientHello are kept to be passed on (ingress-nginx: 16 KiB).
const MAX_HELLO: usize = 16 * 1024;
/// The alert `unrecognized_name` of level fatal, in a record of its own (RFC 8446, section 6; RFC 6066, section 3).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// What came of a ClientHello.
pub(super) enum Opened<T> {
    /// A connection that was opened here.
    Terminated(Box<Terminated<T>>),
    /// One that is to be passed on unopened.
    Passed {
        io: T,
        /// All that was read of it.
        first: Vec<u8>,
        /// The name that it asks for.
        name: Arc<str>,
        to: Passthrough,
    },
}

/// A connection after its handshake.
pub(super) struct Terminated<T> {
    pub(super) io: TlsStream<Prefixed<T>>,
    pub(super) tls: Tls,
    /// What ALPN has chosen; HTTP/1.1 if the client did not ask.
    pub(super) http2: bool,
    /// A session went on.
    pub(super) resumed: bool,
}

/// Does the handshake that a client begins, by what holds for the name that it asks for. The caller bounds the time.
///
/// # Errors
/// What the transport reports, or what was wrong with what the client said; it has been told by an alert.
pub(super) async fn handshake<T>(mut io: Prefixed<T>, published: &Published) -> io::Result<Opened<T>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let snapshot = &published.snapshot;
    let may_pass = snapshot.tls.has_passthrough();
    if may_pass {
        io.keep(MAX_HELLO);
    }
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), io).await?;
    let name = server_name(&start.client_hello());
    if may_pass {
        let passed = name.as_ref().and_then(|name| {
            let to = snapshot.tls.passthrough(&snapshot.routes, name)?;
            Some((name.clone(), to.clone()))
        });
        if let Some((name, to)) = passed {
            let (io, first) = start.io.into_parts();
            return Ok(Opened::Passed { io, first, name, to });
        }
        start.io.forget();
    }
    match published.terminator.policy(&snapshot.routes, name.as_deref()) {
        Some(policy) => terminate(start, name, policy).await.map(|done| Opened::Terminated(Box::new(done))),
        None => {
            start.io.write_all(UNRECOGNIZED_NAME).await?;
            start.io.shutdown().await?;
            Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody has the name that the client asks for"))
        }
    }
}

async fn terminate<T>(
    start: StartHandshake<Prefixed<T>>,
    name: Option<Arc<str>>,
    policy: &Policy,
) -> io::Result<Terminated<T>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let config = policy.config().ok_or_else(|| io::Error::other("no handshake can be offered"))?;
    let io = start.into_stream(config).await?;
    let (_, connection) = io.get_ref();
    // A session that goes on brings the chain of its beginning along, and authorities, lists and the time may be others since.
    let chain = connection.peer_certificates().unwrap_or_default();
    let client = policy.judge().map(|judge| judge.identity(chain, UnixTime::now())).map(Arc::new);
    log(name.as_deref(), client.as_deref());
    let http2 = connection.alpn_protocol() == Some(b"h2");
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Terminated { tls: Tls::new(name, client), http2, resumed, io })
}

fn log(name: Option<&str>, client: Option<&ClientIdentity>) {
    if let Some(client) = client {
        tracing::debug!(name, subject = client.subject, outcome = %client.outcome, "a client was asked for a certificate");
    }
}
