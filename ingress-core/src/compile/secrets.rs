//! What Secrets hold: certificates with their keys, and authorities. Each is read once, and again only when the Secret has changed.
//!
//! A source may leave the content of a Secret out for as long as nobody refers to it: then all values are empty, and the Secret counts as
//! not read yet. It is the same to us if all of them are empty indeed.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use hashbrown::{HashMap, HashSet};
use k8s_openapi::api::core::v1::Secret;

use super::index::{Index, Key};
use super::options::TlsCheck;
use super::report::quoted;
use crate::tls::{Certificate, TlsTable, Trust};

/// Why there is nothing in a Secret that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Defect {
    /// Secrets cannot be read at all.
    Unknown,
    /// Its content has not been read yet.
    NotRead,
    /// It is not there.
    Missing,
    /// What is in it is no such thing. Holds nothing of the content.
    Invalid { reason: &'static str, what: Arc<str> },
}

/// What is to be said of a [`Defect`].
pub(super) struct Explained {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

impl Defect {
    fn invalid(what: impl Into<Arc<str>>) -> Self {
        Self::Invalid { reason: "InvalidSecret", what: what.into() }
    }

    /// What is to be said, if the certificate or the authorities of this Secret are asked for.
    pub(super) fn explain(&self, (namespace, name): Key<'_>, remedy: &'static str) -> Explained {
        let (reason, message, remedy) = match self {
            Self::Unknown => (
                "SecretsUnknown",
                format!("secret {namespace}/{name} cannot be read"),
                "allow the controller to list and watch secrets",
            ),
            Self::NotRead => (
                "InvalidSecret",
                format!("secret {namespace}/{name} has not been read yet, or is empty"),
                remedy,
            ),
            Self::Missing => (
                "MissingSecret",
                format!("there is no secret {} in namespace {namespace:?}", quoted(name)),
                "create the secret, or name one that exists",
            ),
            Self::Invalid { reason, what } => (*reason, format!("secret {namespace}/{name} {what}"), remedy),
        };
        Explained { reason, message, remedy }
    }
}

/// What was read of Secrets, kept for the next compile.
///
/// A Secret is known again by its address, which nobody else can have as long as there is the weak reference to it. None is kept alive.
#[derive(Debug, Default)]
pub(super) struct Cache {
    held: HashMap<usize, Held>,
    /// Equal authorities are one, so that comparing them for each of many hosts takes no time.
    trusts: HashSet<Arc<Trust>>,
}

#[derive(Debug)]
struct Held {
    /// Holds the address.
    _secret: Weak<Secret>,
    used: bool,
    certificate: Option<Result<Arc<Certificate>, Defect>>,
    trust: Option<Result<Arc<Trust>, Defect>>,
}

impl Cache {
    /// A compile of everything begins.
    pub(super) fn begin(&mut self) {
        self.held.values_mut().for_each(|held| held.used = false);
    }

    /// Drops what was not used since it began.
    pub(super) fn drop_unused(&mut self) {
        self.held.retain(|_, held| held.used);
    }

    /// Drops what was read of Secrets at these addresses.
    pub(super) fn forget(&mut self, addresses: &[usize]) {
        addresses.iter().for_each(|address| drop(self.held.remove(address)));
    }

    fn held(&mut self, secret: &Arc<Secret>) -> &mut Held {
        let held = self.held.entry(Arc::as_ptr(secret).addr()).or_insert_with(|| Held {
            _secret: Arc::downgrade(secret),
            used: false,
            certificate: None,
            trust: None,
        });
        held.used = true;
        held
    }
}

/// The Secrets of one compile.
pub(super) struct Secrets<'c> {
    index: &'c Index<'c>,
    known: bool,
    check: TlsCheck,
    cache: Cache,
    earlier: &'c TlsTable,
    /// The certificates of the table before, by their names; collected when first needed.
    earlier_by_name: Option<HashMap<&'c str, &'c Arc<Certificate>>>,
}

impl<'c> Secrets<'c> {
    /// All Secrets; `known` is false if they cannot be read. `cache` is what the last compile left.
    pub(super) fn new(
        index: &'c Index<'c>,
        known: bool,
        check: TlsCheck,
        cache: Cache,
        earlier: &'c TlsTable,
    ) -> Self {
        Self { index, known, check, cache, earlier, earlier_by_name: None }
    }

    fn get(&self, key: Key<'_>) -> Result<&'c Arc<Secret>, Defect> {
        let missing = if self.known { Defect::Missing } else { Defect::Unknown };
        self.index.secrets.get(&key).copied().ok_or(missing)
    }

    /// The type of a Secret, where it is there and of another one than `kubernetes.io/tls`.
    pub(super) fn other_type(&self, key: Key<'_>) -> Option<&'c str> {
        let kind = self.get(key).ok()?.type_.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("Opaque");
        (kind != "kubernetes.io/tls").then_some(kind)
    }

    /// Which of some keys of a Secret have a value.
    pub(super) fn has<const N: usize>(&self, key: Key<'_>, keys: [&str; N]) -> Result<[bool; N], Defect> {
        let secret = self.get(key)?;
        let has = keys.map(|key| value(secret, key).is_some_and(|value| !value.is_empty()));
        if is_read(secret) || !keys.iter().any(|key| value(secret, key).is_some()) {
            Ok(has)
        } else {
            Err(Defect::NotRead)
        }
    }

    /// The certificate of a Secret with its key (`tls.crt`, `tls.key`). Unchanged, it is the same one as in the compile before.
    pub(super) fn certificate(&mut self, key: Key<'_>) -> Result<Arc<Certificate>, Defect> {
        let secret = self.get(key)?;
        if let Some(known) = &self.cache.held(secret).certificate {
            return known.clone();
        }
        let read = read_certificate(secret, key, self.check).map(|certificate| {
            let earlier = self.earlier_by_name.get_or_insert_with(|| {
                let all = self.earlier.certificates().map(|(_, certificate)| certificate);
                let all = all.chain(self.earlier.default_certificate());
                all.map(|certificate| (&*certificate.name, certificate)).collect()
            });
            match earlier.get(&*certificate.name) {
                Some(same) if ***same == certificate => (*same).clone(),
                _ => Arc::new(certificate),
            }
        });
        self.cache.held(secret).certificate = Some(read.clone());
        read
    }

    /// The authorities of a Secret with what they have revoked (`ca.crt`, `ca.crl`).
    pub(super) fn trust(&mut self, key: Key<'_>) -> Result<Arc<Trust>, Defect> {
        let secret = self.get(key)?;
        if let Some(known) = &self.cache.held(secret).trust {
            return known.clone();
        }
        let read = read_trust(secret, self.check).map(Arc::new);
        let read = read.map(|trust| self.cache.trusts.get_or_insert(trust).clone());
        self.cache.held(secret).trust = Some(read.clone());
        read
    }

    /// What is worth keeping for the next compile.
    pub(super) fn into_cache(self) -> Cache {
        let mut cache = self.cache;
        cache.trusts.retain(|trust| Arc::strong_count(trust) > 1);
        cache
    }
}

fn read_certificate(secret: &Secret, key: Key<'_>, check: TlsCheck) -> Result<Certificate, Defect> {
    let [chain, private] = content(secret, ["tls.crt", "tls.key"])?;
    let name = format!("{}/{}", key.0, key.1);
    let certificate = Certificate::from_pem(name, chain, private)
        .map_err(|error| Defect::invalid(format!("holds no certificate with a key: {error}")))?;
    match (check.certificate)(&certificate) {
        Ok(()) => Ok(certificate),
        Err(error) => {
            let what = format!("has a key that cannot be used with its certificate: {error}");
            Err(Defect::Invalid { reason: "KeyMismatch", what: what.into() })
        }
    }
}

fn read_trust(secret: &Secret, check: TlsCheck) -> Result<Trust, Defect> {
    let [authorities] = content(secret, ["ca.crt"])?;
    let trust = Trust::from_pem(authorities, value(secret, "ca.crl")).map_err(|error| {
        Defect::invalid(format!("holds no authorities in ca.crt, or no list in ca.crl: {error}"))
    })?;
    let usable = (check.trust)(&trust);
    usable.map(|()| trust).map_err(|error| Defect::invalid(format!("cannot be used: {error}")))
}

/// The values of some keys, all of which must be there.
fn content<'s, const N: usize>(secret: &'s Secret, keys: [&str; N]) -> Result<[&'s [u8]; N], Defect> {
    let missing: Vec<_> = keys.into_iter().filter(|key| value(secret, key).is_none()).collect();
    let what = match missing.as_slice() {
        [] => None,
        [one] => Some(Cow::Owned(format!("has no key {one}"))),
        _ => Some(Cow::Borrowed("has neither a key tls.crt nor a key tls.key")),
    };
    if let Some(what) = what {
        return Err(Defect::invalid(what));
    }
    if !is_read(secret) {
        return Err(Defect::NotRead);
    }
    Ok(keys.map(|key| value(secret, key).unwrap_or_default()))
}

/// False if nothing has a value.
fn is_read(secret: &Secret) -> bool {
    let mut data = secret.data.iter().flatten();
    let mut texts = secret.string_data.iter().flatten();
    data.any(|(_, value)| !value.0.is_empty()) || texts.any(|(_, value)| !value.is_empty())
}

/// A value. `stringData` comes first: the API server would put it in the place of the other.
fn value<'s>(secret: &'s Secret, key: &str) -> Option<&'s [u8]> {
    let text = secret.string_data.as_ref().and_then(|data| data.get(key)).map(String::as_bytes);
    text.or_else(|| secret.data.as_ref()?.get(key).map(|value| &*value.0))
}
