//! Certificates with their keys, made ready for use when the first handshake needs them: a new snapshot of ten thousand costs nothing here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use ingress_core::tls::{Certificate, TlsTable};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider::provider;
use super::terminator::server_name;

/// The certificates of a table.
#[derive(Debug)]
pub(super) struct Keys {
    table: Arc<TlsTable>,
    /// By the address of the certificate, which the slot keeps alive.
    slots: HashMap<usize, Arc<Slot>, foldhash::fast::FixedState>,
}

struct Slot {
    certificate: Arc<Certificate>,
    /// `None` once it has turned out that it cannot be used.
    ready: OnceLock<Option<Arc<CertifiedKey>>>,
}

impl Keys {
    /// The certificates of `table`; those that were in use `before` stay ready.
    pub(super) fn new(table: &Arc<TlsTable>, before: Option<&Self>) -> Self {
        let all = table.certificates().map(|(_, certificate)| certificate).chain(table.default_certificate());
        let mut slots: HashMap<_, _, _> = HashMap::default();
        for certificate in all {
            slots.entry(address(certificate)).or_insert_with(|| {
                let held = before.and_then(|before| before.slots.get(&address(certificate)));
                held.cloned().unwrap_or_else(|| Arc::new(Slot::new(certificate)))
            });
        }
        Self { table: table.clone(), slots }
    }

    /// What is presented to a client that asks for a name; where that cannot be used, the default certificate.
    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let own = self.ready(self.table.certificate(name)?);
        own.or_else(|| self.ready(self.table.default_certificate()?))
    }

    fn ready(&self, certificate: &Arc<Certificate>) -> Option<Arc<CertifiedKey>> {
        self.slots.get(&address(certificate))?.ready().cloned()
    }
}

impl ResolvesServerCert for Keys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(server_name(&hello).as_deref())
    }
}

impl Slot {
    fn new(certificate: &Arc<Certificate>) -> Self {
        Self { certificate: certificate.clone(), ready: OnceLock::new() }
    }

    fn ready(&self) -> Option<&Arc<CertifiedKey>> {
        let make = || match certified_key(&self.certificate) {
            Ok(key) => Some(Arc::new(key)),
            Err(reason) => {
                let name = &*self.certificate.name;
                tracing::error!(certificate = name, %reason, "a certificate cannot be used; the default one stands in");
                None
            }
        };
        self.ready.get_or_init(make).as_ref()
    }
}

/// Nothing of a key is ever shown.
impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("certificate", &self.certificate.name).finish_non_exhaustive()
    }
}

/// A certificate with its key as rustls wants them.
///
/// # Errors
/// The reason if the key cannot be used or is not that of the certificate; without any part of the key.
pub(super) fn certified_key(certificate: &Certificate) -> Result<CertifiedKey, String> {
    let key = certificate.key.to_der().map_err(|error| error.to_string())?;
    CertifiedKey::from_der(certificate.chain.clone(), key, &provider(&[])).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "the private key is not that of the certificate".to_owned(),
        // What rustls says of a key names kinds of keys, and nothing of this one.
        rustls::Error::General(reason) => format!("the private key cannot be used: {reason}"),
        other => format!("the certificate cannot be used: {other}"),
    })
}

fn address(certificate: &Arc<Certificate>) -> usize {
    Arc::as_ptr(certificate) as usize
}
