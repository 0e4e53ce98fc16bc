//! What handshakes of some hosts have in common: one `rustls::ServerConfig`, and sessions that nobody else can resume.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use ingress_core::Settings;
use ingress_core::tls::{CipherSuite, ClientAuth, Guard, ServerTls, TlsSettings};
use rustls::ServerConfig;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ProducesTickets, StoresServerSessions};

use super::client::{AnyClient, Judge};
use super::keys::Keys;
use super::provider::{provider, versions};
use super::sessions::{SessionCache, Sessions};
use super::tickets::tickets;

/// By what policies are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    client_auth: Option<Arc<ClientAuth>>,
    ciphers: Vec<CipherSuite>,
    prefer_server_ciphers: bool,
}

/// What holds for a handshake.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(super) terms: Terms,
    /// `None` if it cannot be offered: then there is no handshake.
    config: Option<Arc<ServerConfig>>,
    /// Who tells what the certificates of clients are worth, where they are asked for one.
    judge: Option<Arc<Judge>>,
    resumption: Resumption,
}

/// How sessions of a policy are resumed; it lives as long as the policy, over many snapshots.
#[derive(Debug, Clone)]
struct Resumption {
    storage: Arc<dyn StoresServerSessions>,
    /// Without it clients get no tickets.
    ticketer: Option<Arc<dyn ProducesTickets>>,
}

impl Terms {
    /// What holds for a host; `None` stands for one for which nothing is said.
    pub(super) fn of(server: Option<&ServerTls>, settings: &TlsSettings) -> Self {
        let ciphers = server.and_then(|server| server.ciphers.as_ref()).unwrap_or(&settings.ciphers);
        let prefer = server.and_then(|server| server.prefer_server_ciphers);
        let client_auth = match server.and_then(|server| server.client_auth.as_ref()) {
            Some(Guard::Ready(asked)) => Some(asked.clone()),
            // Nobody is asked where everybody is refused; that is for the layers above to do.
            Some(Guard::Denied(_)) | None => None,
        };
        Self {
            client_auth,
            ciphers: ciphers.clone(),
            prefer_server_ciphers: prefer.unwrap_or(settings.prefer_server_ciphers),
        }
    }

    /// A number that is the same for terms that are the same.
    pub(super) fn number(&self) -> u64 {
        let mut state = foldhash::fast::FixedState::default().build_hasher();
        self.ciphers.hash(&mut state);
        self.prefer_server_ciphers.hash(&mut state);
        if let Some(asked) = &self.client_auth {
            (asked.depth, &asked.trust.authorities).hash(&mut state);
        }
        state.finish()
    }

    /// What ties a ticket to the clients' authorities, the same on all replicas.
    fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut add = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        if let Some(asked) = &self.client_auth {
            add(format!("{:?} {}", asked.verify, asked.depth).as_bytes());
            asked.trust.authorities.iter().for_each(|authority| add(authority));
            add(b"revoked");
            asked.trust.revoked.iter().for_each(|list| add(list));
        }
        let digest = context.finish();
        digest.as_ref().try_into().unwrap_or_default()
    }
}

impl Policy {
    /// A policy for these terms. What it needs of the one that held the same terms `before` is taken over, its sessions with it.
    pub(super) fn new(
        terms: Terms,
        number: u64,
        keys: &Arc<Keys>,
        settings: &Settings,
        cache: Option<&Arc<SessionCache>>,
        before: Option<&Self>,
    ) -> Self {
        let judge = match before {
            Some(before) => before.judge.clone(),
            None => terms.client_auth.as_ref().map(|asked| Arc::new(Judge::new(asked))),
        };
        let resumption = match before {
            Some(before) => before.resumption.clone(),
            None => Resumption::new(&terms, number, &settings.tls, cache),
        };
        let config = match server_config(&terms, keys, judge.as_deref(), settings, &resumption) {
            Ok(config) => Some(Arc::new(config)),
            Err(error) => {
                tracing::error!(%error, "no handshakes can be offered with these versions and ciphers of TLS");
                None
            }
        };
        Self { terms, config, judge, resumption }
    }

    /// What the handshake is done with; `None` if there can be none.
    pub(crate) fn config(&self) -> Option<Arc<ServerConfig>> {
        self.config.clone()
    }

    /// What tells the worth of clients' certificates; `None` if they are not asked for one.
    pub(crate) fn judge(&self) -> Option<&Judge> {
        self.judge.as_deref()
    }
}

impl Resumption {
    fn new(terms: &Terms, number: u64, settings: &TlsSettings, cache: Option<&Arc<SessionCache>>) -> Self {
        let storage: Arc<dyn StoresServerSessions> = match cache {
            Some(cache) => Arc::new(Sessions::new(cache.clone(), number)),
            None => Arc::new(NoServerSessionStorage {}),
        };
        let sessions = &settings.sessions;
        let ticketer = sessions.tickets.then(|| {
            let made = tickets(sessions.ticket_key.as_ref(), &terms.digest(), sessions.timeout);
            made.inspect_err(|error| tracing::error!(%error, "clients get no session tickets")).ok()
        });
        Self { storage, ticketer: ticketer.flatten() }
    }
}

fn server_config(
    terms: &Terms,
    keys: &Arc<Keys>,
    judge: Option<&Judge>,
    settings: &Settings,
    resumption: &Resumption,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(provider(&terms.ciphers)))
        .with_protocol_versions(&versions(&settings.tls.versions))?;
    let builder = match judge {
        Some(judge) => builder.with_client_cert_verifier(Arc::new(AnyClient::new(judge))),
        None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
    };
    let mut config = builder.with_cert_resolver(keys.clone());
    config.ignore_client_order = terms.prefer_server_ciphers;
    config.session_storage = resumption.storage.clone();
    if let Some(ticketer) = &resumption.ticketer {
        config.ticketer = ticketer.clone();
    }
    let h2 = settings.http2.then(|| b"h2".to_vec());
    config.alpn_protocols = h2.into_iter().chain([b"http/1.1".to_vec()]).collect();
    // Never: what comes with the ClientHello can be sent again by anybody who has seen it.
    config.max_early_data_size = 0;
    Ok(config)
}
