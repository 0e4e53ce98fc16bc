//! What is wrong with a certificate, in the words of OpenSSL, which users of nginx know from `ssl-client-verify`.

use webpki::Error;

use crate::connection::Outcome;

/// Why a certificate is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    reason: &'static str,
    /// Only that nobody known vouches for it.
    unknown: bool,
}

pub(super) const CHAIN_TOO_LONG: Verdict = Verdict::bad("certificate chain too long");
pub(super) const EXPIRED: Verdict = Verdict::bad("certificate has expired");
pub(super) const NOT_YET_VALID: Verdict = Verdict::bad("certificate is not yet valid");
pub(super) const NO_LIST: Verdict = Verdict::bad("unable to get certificate CRL");
pub(super) const NO_ISSUER: Verdict = Verdict::unknown("unable to verify the first certificate");
pub(super) const NO_ISSUER_OF_CHAIN: Verdict = Verdict::unknown("unable to get local issuer certificate");
pub(super) const PURPOSE: Verdict = Verdict::bad("unsuitable certificate purpose");
pub(super) const SELF_SIGNED: Verdict = Verdict::unknown("self-signed certificate");
pub(super) const SELF_SIGNED_IN_CHAIN: Verdict =
    Verdict::unknown("self-signed certificate in certificate chain");
pub(super) const UNSPECIFIED: Verdict = Verdict::bad("unspecified certificate verification error");

impl Verdict {
    const fn bad(reason: &'static str) -> Self {
        Self { reason, unknown: false }
    }

    const fn unknown(reason: &'static str) -> Self {
        Self { reason, unknown: true }
    }
}

impl From<Error> for Verdict {
    fn from(error: Error) -> Self {
        match error {
            Error::CertExpired { .. } => EXPIRED,
            Error::CertNotValidYet { .. } => NOT_YET_VALID,
            Error::CertRevoked => Self::bad("certificate revoked"),
            Error::CrlExpired { .. } => Self::bad("CRL has expired"),
            Error::UnknownRevocationStatus => NO_LIST,
            Error::InvalidCrlSignatureForPublicKey => Self::bad("CRL signature failure"),
            Error::UnknownIssuer => NO_ISSUER,
            Error::InvalidSignatureForPublicKey
            | Error::SignatureAlgorithmMismatch
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                Self::bad("certificate signature failure")
            }
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension | Error::CaUsedAsEndEntity => {
                PURPOSE
            }
            Error::EndEntityUsedAsCa => Self::bad("invalid CA certificate"),
            Error::PathLenConstraintViolated => Self::bad("path length constraint exceeded"),
            Error::NameConstraintViolation => Self::bad("permitted subtree violation"),
            Error::UnsupportedCriticalExtension => Self::bad("unhandled critical extension"),
            Error::CertDistrusted => Self::bad("certificate rejected"),
            _ => UNSPECIFIED,
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self::Failed { reason: verdict.reason.to_owned(), unknown: verdict.unknown }
    }
}
