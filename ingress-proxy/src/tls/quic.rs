//! Handshakes of QUIC, which carries HTTP/3: they cannot be told apart before they begin, so one configuration is for all names.

use std::fmt;
use std::sync::Arc;

use ingress_core::Snapshot;
use ingress_core::tls::Version;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, StoresServerSessions};
use rustls::sign::CertifiedKey;

use super::terminator::{Terminator, server_name};

/// The name of HTTP/3 (RFC 9114, section 3.1).
const ALPN: &[u8] = b"h3";

/// What handshakes of QUIC are done with.
#[derive(Clone)]
pub(crate) struct QuicConfig {
    pub(crate) crypto: Arc<QuicServerConfig>,
}

/// Nothing of it is of use to anybody.
impl fmt::Debug for QuicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicConfig").finish_non_exhaustive()
    }
}

/// Chooses certificates for the handshakes of QUIC.
#[derive(Debug)]
struct Choice {
    snapshot: Arc<Snapshot>,
    terminator: Arc<Terminator>,
    certificates: Arc<dyn ResolvesServerCert>,
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = server_name(&hello);
        let (tls, routes) = (&self.snapshot.tls, &self.snapshot.routes);
        // What is passed on unopened is not ours to answer for, and UDP is not passed on.
        let passed = name.as_deref().is_some_and(|name| tls.passthrough(routes, name).is_some());
        if passed || self.terminator.policy(routes, name.as_deref()).is_none() {
            return None;
        }
        self.certificates.resolve(hello)
    }
}

/// What handshakes of QUIC are done with; `None` if there can be none, as without TLS 1.3.
///
/// No client is asked for a certificate: what a host asks for is not known before the handshake. The layers above see that none was asked
/// for, and send clients of such a host away (421).
pub(crate) fn quic_config(terminator: &Arc<Terminator>, snapshot: &Arc<Snapshot>) -> Option<QuicConfig> {
    if !snapshot.settings.tls.versions.contains(&Version::Tls13) {
        return None;
    }
    let mut config = (*terminator.usual()?).clone();
    let certificates = config.cert_resolver.clone();
    let (snapshot, terminator) = (snapshot.clone(), terminator.clone());
    let sessions: Arc<dyn StoresServerSessions> = match terminator.quic_sessions() {
        Some(sessions) => Arc::new(sessions),
        None => Arc::new(NoServerSessionStorage {}),
    };
    config.session_storage = sessions;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.max_early_data_size = 0;
    config.cert_resolver = Arc::new(Choice { snapshot, terminator, certificates });
    let crypto = Arc::new(QuicServerConfig::try_from(config).ok()?);
    Some(QuicConfig { crypto })
}
