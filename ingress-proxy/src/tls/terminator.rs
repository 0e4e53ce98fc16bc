//! From the name that a client asks for to what holds for its handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hashbrown::HashMap;
use ingress_core::tls::{ServerTls, TlsTable};
use ingress_core::{RouteTable, Settings, Snapshot, canonical_host};
use rustls::server::ClientHello;

use super::keys::Keys;
use super::policy::{Policy, Terms};
use super::sessions::SessionCache;

/// All that handshakes with clients need of a snapshot. Immutable, shared by all workers, and swapped together with the snapshot.
#[derive(Debug)]
pub(crate) struct Terminator {
    table: Arc<TlsTable>,
    settings: Arc<Settings>,
    keys: Arc<Keys>,
    cache: Option<Arc<SessionCache>>,
    /// How many policies had sessions of their own so far.
    numbers: Arc<AtomicU64>,
    /// By the number of their terms.
    policies: HashMap<u64, Vec<Arc<Policy>>, foldhash::fast::FixedState>,
    /// Where nothing is said.
    usual: Arc<Policy>,
    /// By the address of what is said of a host, which the table keeps alive.
    by_server: HashMap<usize, Arc<Policy>, foldhash::fast::FixedState>,
}

impl Terminator {
    /// What a snapshot needs: all of `before` if nothing is different, else what has stayed of it.
    pub(crate) fn following(before: Option<&Arc<Self>>, snapshot: &Snapshot) -> Arc<Self> {
        match before {
            Some(before) if before.suits(snapshot) => before.clone(),
            _ => Arc::new(Self::new(snapshot, before.map(|before| &**before))),
        }
    }

    fn suits(&self, snapshot: &Snapshot) -> bool {
        let settings = &snapshot.settings;
        (Arc::ptr_eq(&self.table, &snapshot.tls) || self.table == snapshot.tls)
            && self.settings.http2 == settings.http2
            && self.settings.tls == settings.tls
    }

    fn new(snapshot: &Snapshot, before: Option<&Self>) -> Self {
        let (table, settings) = (&snapshot.tls, &snapshot.settings);
        let sessions = &settings.tls.sessions;
        // With other rules for sessions all of them begin anew.
        let same_sessions = before.filter(|before| before.settings.tls.sessions == *sessions);
        let cache = match same_sessions {
            Some(before) => before.cache.clone(),
            None => {
                sessions.cache.then(|| Arc::new(SessionCache::new(sessions.cache_size, sessions.timeout)))
            }
        };
        let keys = Arc::new(Keys::new(table, before.map(|before| &*before.keys)));
        let mut making = Making {
            numbers: before.map_or_else(Arc::default, |before| before.numbers.clone()),
            policies: HashMap::default(),
            keys: &keys,
            cache: cache.as_ref(),
            settings,
            before: same_sessions,
        };
        let usual = making.policy(None);
        let by_server =
            table.servers().map(|(_, server)| (address(server), making.policy(Some(server)))).collect();
        let Making { numbers, policies, .. } = making;
        let (table, settings) = (table.clone(), settings.clone());
        Self { table, settings, keys, cache, numbers, policies, usual, by_server }
    }

    /// What holds for the handshake of a client that asks for `name`, if there is to be one; `routes` are those of the same snapshot.
    ///
    /// With `ssl-reject-handshake` there is none for a name of which neither a rule nor a certificate knows.
    pub(crate) fn policy(&self, routes: &RouteTable, name: Option<&str>) -> Option<&Policy> {
        let known = |name| routes.names(name) || self.table.has_certificate(name);
        if self.settings.tls.reject_handshake && !name.is_some_and(known) {
            return None;
        }
        // No rule has an empty host: who names nobody gets what holds for the rules without a host.
        let server = self.table.server(routes, name.unwrap_or_default());
        Some(server.and_then(|server| self.by_server.get(&address(server))).unwrap_or(&self.usual))
    }
}

/// Policies in the making: each terms once.
struct Making<'t> {
    numbers: Arc<AtomicU64>,
    policies: HashMap<u64, Vec<Arc<Policy>>, foldhash::fast::FixedState>,
    keys: &'t Arc<Keys>,
    cache: Option<&'t Arc<SessionCache>>,
    settings: &'t Settings,
    before: Option<&'t Terminator>,
}

impl Making<'_> {
    fn policy(&mut self, server: Option<&Arc<ServerTls>>) -> Arc<Policy> {
        let terms = Terms::of(server.map(|server| &**server), &self.settings.tls);
        let number = terms.number();
        let held = self.policies.entry(number).or_default();
        if let Some(same) = held.iter().find(|policy| policy.terms == terms) {
            return same.clone();
        }
        let before = self.before.and_then(|before| before.policies.get(&number));
        let before = before.and_then(|policies| policies.iter().find(|policy| policy.terms == terms));
        let session_number = self.numbers.fetch_add(1, Relaxed);
        let before = before.map(|policy| &**policy);
        let policy = Policy::new(terms, session_number, self.keys, self.settings, self.cache, before);
        let policy = Arc::new(policy);
        held.push(policy.clone());
        policy
    }
}

/// The name that a client asks for: in lower case, without a dot at the end; `None` if it asks for none, or for what is no name.
pub(crate) fn server_name(hello: &ClientHello<'_>) -> Option<Arc<str>> {
    canonical_host(hello.server_name()?).map(Arc::from)
}

fn address(server: &Arc<ServerTls>) -> usize {
    Arc::as_ptr(server) as usize
}
