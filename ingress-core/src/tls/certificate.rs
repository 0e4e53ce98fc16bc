//! A certificate with its key: bytes and names.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};
use zeroize::Zeroizing;

/// A chain of certificates and the private key of the first. That they fit is for whoever does the cryptography to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it is called in logs, findings and metrics; from Kubernetes, `namespace/name` of the Secret.
    pub name: Arc<str>,
    /// DER, the server's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate.
    pub key: PrivateKey,
    /// What the first certificate says.
    pub facts: Facts,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The DNS names that it is for, lower-cased and sorted, each once: those of its subject alternative names, or the common name where
    /// it has none.
    pub names: Vec<String>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// Organization of the issuer.
    pub issuer_organization: String,
    /// Common name of the issuer.
    pub issuer_common_name: String,
    /// The serial number, in decimal digits.
    pub serial_number: String,
    /// `RSA`, `ECDSA`, `Ed25519`, or the identifier of another algorithm.
    pub public_key_algorithm: String,
}

/// DER of a private key: PKCS#8, PKCS#1 or SEC1. Wiped when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    der: Zeroizing<Vec<u8>>,
}

/// Why something is no certificate with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// There is no certificate in the PEM text.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// PEM that cannot be read.
    #[error("it is no valid PEM: {0}")]
    Pem(String),
    /// The first certificate cannot be read.
    #[error("its certificate cannot be read: {0}")]
    Certificate(String),
    /// There is no revocation list in the PEM text.
    #[error("there is no revocation list in it")]
    NoRevocationList,
    /// There is no private key in the PEM text.
    #[error("there is no private key in it")]
    NoKey,
}

impl Certificate {
    /// Reads a chain and a key from PEM.
    ///
    /// # Errors
    /// [`CertificateError`]. No message holds any part of the key.
    pub fn from_pem(name: impl Into<Arc<str>>, chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = certificates(chain)?;
        let facts = Facts::of(chain.first().ok_or(CertificateError::NoCertificate)?)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        Ok(Self { name: name.into(), chain, key: PrivateKey::new(&key), facts })
    }

    /// True if it is for a host: a name, or a wildcard such as `*.example.com`, which only the same wildcard covers. Lower case.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let names = &self.facts.names;
        names_for(host).any(|name| names.binary_search_by(|other| other.as_str().cmp(&name)).is_ok())
    }
}

/// The names of certificates that are for a host: its own, and the wildcard that stands for its first label, unless it is one itself.
pub(crate) fn names_for(host: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let parent = host.split_once('.').filter(|_| !host.starts_with('*')).map(|(_, parent)| parent);
    [Cow::Borrowed(host)].into_iter().chain(parent.map(|parent| Cow::Owned(format!("*.{parent}"))))
}

/// All certificates of a PEM text, as DER.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| CertificateError::Pem(error.to_string()))?;
    if all.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(all) }
}

impl Facts {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`CertificateError::Certificate`].
    pub fn of(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::Certificate(error.to_string()))?;
        let validity = certificate.validity();
        Ok(Self {
            names: names(&certificate),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            issuer_organization: first(certificate.issuer().iter_organization()),
            issuer_common_name: first(certificate.issuer().iter_common_name()),
            serial_number: certificate.tbs_certificate.serial.to_string(),
            public_key_algorithm: algorithm(&certificate),
        })
    }
}

fn first<'x>(
    mut values: impl Iterator<Item = &'x x509_parser::prelude::AttributeTypeAndValue<'x>>,
) -> String {
    values.next().and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|names| &names.value.general_names);
    let mut names: Vec<_> = names.filter_map(dns_name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { common_name(certificate.subject()).into_iter().collect() } else { names }
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().next()?.as_str().ok().map(str::to_ascii_lowercase)
}

fn algorithm(certificate: &X509Certificate<'_>) -> String {
    let id = certificate.public_key().algorithm.algorithm.to_id_string();
    match id.as_str() {
        "1.2.840.113549.1.1.1" => "RSA".into(),
        "1.2.840.10045.2.1" => "ECDSA".into(),
        "1.3.101.112" => "Ed25519".into(),
        _ => id,
    }
}

impl PrivateKey {
    /// Keeps a copy of a key.
    #[must_use]
    pub fn new(key: &PrivateKeyDer<'_>) -> Self {
        Self { der: Zeroizing::new(key.secret_der().to_vec()) }
    }

    /// The key in the form that cryptography takes.
    ///
    /// # Errors
    /// [`CertificateError::NoKey`] if it is none after all.
    pub fn to_der(&self) -> Result<PrivateKeyDer<'static>, CertificateError> {
        PrivateKeyDer::try_from(self.der.to_vec()).map_err(|_| CertificateError::NoKey)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}
