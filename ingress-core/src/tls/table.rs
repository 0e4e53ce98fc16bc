//! From a name to what holds for its handshakes.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{Certificate, CipherSuite, ClientAuth};
use crate::route::{HostPattern, RouteTable, Server};
use crate::shards::{Keyed, Shards};

/// What holds for the handshakes of each name. Immutable. A copy shares what is the same.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TlsTable {
    exact: Shards<Entry>,
    wildcard: Shards<Entry>,
    default: Option<Arc<Certificate>>,
    servers: Arc<ByHost<Arc<ServerTls>>>,
    passthrough: Arc<ByHost<Passthrough>>,
}

type ByHost<V> = HashMap<HostPattern, V, FixedState>;

/// The certificate of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The whole name, with the `*.` of a wildcard.
    name: Arc<str>,
    /// `None` stands for the default certificate.
    certificate: Option<Arc<Certificate>>,
    /// False for a name that has none, nor that of the wildcard above it.
    has: bool,
}

/// A wildcard is found by the name above it, so that looking one up needs no text of its own.
impl Keyed for Entry {
    type Key = str;

    fn key(&self) -> &str {
        self.name.strip_prefix("*.").unwrap_or(&self.name)
    }
}

/// What holds for the handshakes of one host of rules, beside its certificate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTls {
    /// What is asked of clients; `None` is nothing.
    pub client_auth: Option<Guard<Arc<ClientAuth>>>,
    /// Ciphers of TLS 1.2 (`ssl-ciphers`), in place of those of the settings.
    pub ciphers: Option<Vec<CipherSuite>>,
    /// Whose order counts (`ssl-prefer-server-ciphers`), in place of what the settings say.
    pub prefer_server_ciphers: Option<bool>,
}

/// A protection that stands, or the reason why it could not be built: then nobody gets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard<T> {
    /// It stands.
    Ready(T),
    /// Everybody is refused, for this reason.
    Denied(Arc<str>),
}

/// Connections for a name that are not ours to open: they go to an endpoint as they are (`ssl-passthrough`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passthrough {
    /// The name of the upstream.
    pub upstream: Arc<str>,
    /// The endpoint is told the client's address by a PROXY header, version 1.
    pub send_proxy: bool,
}

impl Passthrough {
    /// To an upstream.
    #[must_use]
    pub fn new(upstream: impl Into<Arc<str>>, send_proxy: bool) -> Self {
        Self { upstream: upstream.into(), send_proxy }
    }
}

impl TlsTable {
    /// A table without anything.
    pub fn builder() -> TlsTableBuilder {
        TlsTableBuilder::default()
    }

    /// The certificate for a name that a client asks for: its own, that of the wildcard one label up, or the default one. A client that
    /// names nobody gets the default one.
    ///
    /// `name` is in lower case, without a dot at the end: who asks sees to that. Nothing is allocated.
    pub fn certificate(&self, name: Option<&str>) -> Option<&Arc<Certificate>> {
        let own = name.and_then(|name| self.entry(name)).and_then(|entry| entry.certificate.as_ref());
        own.or(self.default.as_ref())
    }

    /// True if a name, in the same form as for [`certificate`](Self::certificate), has a certificate, or a place where the default one
    /// stands in.
    pub fn has_certificate(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.has)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        if let Some(entry) = self.exact.get(name) {
            return Some(entry);
        }
        if self.wildcard.is_empty() {
            return None;
        }
        let (label, parent) = name.split_once('.')?;
        self.wildcard.get(parent).filter(|_| !label.is_empty())
    }

    /// The wildcard by which a name that has no entry of its own is found.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn wildcard_above(&self, name: &str) -> Option<&str> {
        if self.exact.get(name).is_some() { None } else { self.entry(name).map(|entry| &*entry.name) }
    }

    /// True if there is a place for a certificate of the host itself.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn has_place(&self, host: &HostPattern) -> bool {
        self.place(host).is_some_and(|entry| entry.has)
    }

    #[cfg(feature = "kubernetes")]
    fn place(&self, host: &HostPattern) -> Option<&Entry> {
        match host {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::Wildcard(name) => self.wildcard.get(name),
            HostPattern::Any => None,
        }
    }

    /// True if the same holds for a host in both tables.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn is_same_for(&self, other: &Self, host: &HostPattern) -> bool {
        self.place(host) == other.place(host)
            && self.servers.get(host) == other.servers.get(host)
            && self.passthrough.get(host) == other.passthrough.get(host)
    }

    /// Takes over what holds for a host in another table.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn take_over(&mut self, other: &Self, host: &HostPattern) {
        let names = match host {
            HostPattern::Wildcard(_) => &mut self.wildcard,
            _ => &mut self.exact,
        };
        match (other.place(host), host) {
            (Some(entry), _) => drop(names.insert(entry.clone())),
            (None, HostPattern::Exact(name) | HostPattern::Wildcard(name)) => drop(names.remove(name)),
            (None, HostPattern::Any) => {}
        }
        fn set<V: Clone + PartialEq>(map: &mut Arc<ByHost<V>>, host: &HostPattern, value: Option<&V>) {
            if map.get(host) == value {
                return;
            }
            let map = Arc::make_mut(map);
            match value {
                Some(value) => drop(map.insert(host.clone(), value.clone())),
                None => drop(map.remove(host)),
            }
        }
        set(&mut self.servers, host, other.servers.get(host));
        set(&mut self.passthrough, host, other.passthrough.get(host));
    }

    /// What is presented where no certificate is for the name.
    pub fn default_certificate(&self) -> Option<&Arc<Certificate>> {
        self.default.as_ref()
    }

    /// All names with a certificate of their own, in no particular order.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, &Arc<Certificate>)> {
        let entries = self.exact.iter().chain(self.wildcard.iter());
        entries.filter_map(|entry| Some((&*entry.name, entry.certificate.as_ref()?)))
    }

    /// What holds for a host that is in the form of [`canonical_host`](crate::canonical_host): found as its routes are. So a name of its
    /// own does not fall to the wildcard above it.
    pub fn server(&self, routes: &RouteTable, host: &str) -> Option<&Arc<ServerTls>> {
        if self.servers.is_empty() {
            return None;
        }
        self.servers.get(&routes.server(host)?)
    }

    /// What holds for a host as the rules write it.
    pub fn server_of(&self, host: &HostPattern) -> Option<&Arc<ServerTls>> {
        self.servers.get(host)
    }

    /// All hosts for which something holds, in no particular order.
    pub fn servers(&self) -> impl Iterator<Item = (&HostPattern, &Arc<ServerTls>)> {
        self.servers.iter()
    }

    /// Where connections for a name are passed on unopened; `None` for most.
    pub fn passthrough(&self, routes: &RouteTable, name: &str) -> Option<&Passthrough> {
        if self.passthrough.is_empty() {
            return None;
        }
        match routes.server(name)? {
            Server::Any => None,
            server => self.passthrough.get(&server),
        }
    }

    /// True if connections for some name are passed on unopened.
    pub fn has_passthrough(&self) -> bool {
        !self.passthrough.is_empty()
    }
}

/// Collects a [`TlsTable`].
#[derive(Debug, Default)]
#[must_use]
pub struct TlsTableBuilder {
    table: TlsTable,
}

impl TlsTableBuilder {
    /// A certificate for a name, or for a wildcard such as `*.example.com`; lower case. `None` lets the default one stand in.
    pub fn certificate(mut self, name: impl Into<Arc<str>>, certificate: Option<Arc<Certificate>>) -> Self {
        let name = name.into();
        let names = match name.starts_with("*.") {
            true => &mut self.table.wildcard,
            false => &mut self.table.exact,
        };
        names.insert(Entry { name, certificate, has: true });
        self
    }

    /// A name that has no certificate, though there is one for the wildcard above it; lower case.
    pub fn without_certificate(mut self, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        self.table.exact.insert(Entry { name, certificate: None, has: false });
        self
    }

    /// The certificate where there is no other.
    pub fn default_certificate(mut self, certificate: impl Into<Arc<Certificate>>) -> Self {
        self.table.default = Some(certificate.into());
        self
    }

    /// What holds for a host of rules.
    pub fn server(mut self, host: HostPattern, server: impl Into<Arc<ServerTls>>) -> Self {
        Arc::make_mut(&mut self.table.servers).insert(host, server.into());
        self
    }

    /// Connections for this host are passed on unopened.
    pub fn passthrough(mut self, host: HostPattern, passthrough: Passthrough) -> Self {
        Arc::make_mut(&mut self.table.passthrough).insert(host, passthrough);
        self
    }

    /// The table as far as it has come.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn table(&self) -> &TlsTable {
        &self.table
    }

    /// The table.
    #[must_use]
    pub fn build(self) -> TlsTable {
        self.table
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tls::{Facts, PrivateKey};

    fn certificate(name: &str) -> Arc<Certificate> {
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(Vec::new()).into();
        let facts = Facts {
            names: Vec::new(),
            not_before: 0,
            not_after: 0,
            issuer_organization: String::new(),
            issuer_common_name: String::new(),
            serial_number: String::new(),
            public_key_algorithm: String::new(),
        };
        Arc::new(Certificate { name: name.into(), chain: Vec::new(), key: PrivateKey::new(&key), facts })
    }

    /// The same by looking at every place: the name of the certificate, and whether there is a place for the name.
    fn naive<'p>(places: &'p [(String, bool)], name: &str) -> (&'p str, bool) {
        let wildcard = match name.split_once('.') {
            Some((label, parent)) if !label.is_empty() => format!("*.{parent}"),
            _ => String::new(),
        };
        for wanted in [name, &*wildcard] {
            // A wildcard is no name that anybody can ask for.
            let is_name = wanted == wildcard || !wanted.starts_with("*.");
            if let Some((place, own)) = places.iter().find(|(place, _)| is_name && place == wanted) {
                return (if *own { place } else { "default" }, true);
            }
        }
        ("default", false)
    }

    proptest! {
        #[test]
        fn the_certificate_is_that_of_the_name_the_wildcard_or_the_default(
            places in prop::collection::btree_map("(\\*\\.)?[ab](\\.[ab]){0,2}", any::<bool>(), 0..8),
            name in "\\.?(\\*\\.)?[ab](\\.[ab]){0,3}",
        ) {
            let places: Vec<_> = places.into_iter().collect();
            let mut table = TlsTable::builder().default_certificate(certificate("default"));
            for (place, own) in &places {
                table = table.certificate(&**place, own.then(|| certificate(place)));
            }
            let table = table.build();
            let found = table.certificate(Some(&name)).map(|certificate| &*certificate.name);
            prop_assert_eq!((found.unwrap(), table.has_certificate(&name)), naive(&places, &name));
            let all = table.certificates().map(|(name, certificate)| (name, &*certificate.name));
            let own = places.iter().filter(|(_, own)| *own).map(|(place, _)| (&**place, &**place));
            prop_assert_eq!(all.collect::<std::collections::BTreeMap<_, _>>(), own.collect());
        }
    }

    #[test]
    fn who_names_nobody_gets_the_default() {
        let table = TlsTable::builder().certificate("a.com", Some(certificate("a"))).build();
        assert_eq!(table.certificate(None), None);
        assert_eq!(table.certificate(Some("b.com")), None);
        let table = TlsTable::builder().default_certificate(certificate("default")).build();
        assert_eq!(&*table.certificate(None).unwrap().name, "default");
    }
}
