//! Who is believed to vouch for others.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{PemObject, SectionKind};

use super::certificate::{CertificateError, certificates};

/// Certification authorities, and what they have revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Trust {
    /// Certificates of authorities, DER (`ca.crt`).
    pub authorities: Vec<CertificateDer<'static>>,
    /// Revocation lists, DER (`ca.crl`); with none, revocation is not looked at.
    pub revoked: Vec<Vec<u8>>,
}

impl Trust {
    /// Reads authorities, and revocation lists if there are any, from PEM.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(authorities: &[u8], revoked: Option<&[u8]>) -> Result<Self, CertificateError> {
        let authorities = certificates(authorities)?;
        let revoked = revoked.filter(|text| !text.is_empty());
        let mut lists = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(revoked.unwrap_or_default()) {
            let (kind, der) = section.map_err(|error| CertificateError::Pem(error.to_string()))?;
            if kind == SectionKind::Crl {
                lists.push(der);
            }
        }
        // Whoever gives a list relies on it.
        if revoked.is_some() && lists.is_empty() {
            return Err(CertificateError::NoRevocationList);
        }
        Ok(Self { authorities, revoked: lists })
    }
}
