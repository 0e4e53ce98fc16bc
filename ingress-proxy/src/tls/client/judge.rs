//! What a client's certificate is worth.

use std::cell::Cell;
use std::sync::Arc;

use ingress_core::tls::{ClientAuth, Trust};
use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
    anchor_from_trusted_cert,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::escaped::escaped_pem;
use super::name::rfc2253;
use super::verdict::{self, Verdict};
use crate::connection::{ClientIdentity, Outcome};

/// Tells what the certificates of clients are worth, under one [`ClientAuth`].
#[derive(Debug)]
pub(crate) struct Judge {
    asked: Arc<ClientAuth>,
    /// `None` if it cannot be used: then no certificate is worth anything.
    trusted: Option<Trusted>,
}

/// A [`Trust`], read.
#[derive(Debug)]
struct Trusted {
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<CertRevocationList<'static>>,
}

/// Which signatures are understood.
pub(super) fn algorithms() -> WebPkiSupportedAlgorithms {
    default_provider().signature_verification_algorithms
}

/// Whether authorities and revocation lists can be used.
///
/// # Errors
/// The reason if not.
pub(in crate::tls) fn check(trust: &Trust) -> Result<(), String> {
    Trusted::read(trust).map(drop)
}

impl Judge {
    pub(in crate::tls) fn new(asked: &Arc<ClientAuth>) -> Self {
        let trusted = Trusted::read(&asked.trust)
            .inspect_err(|error| tracing::error!(%error, "no client certificate can be checked"))
            .ok();
        Self { asked: asked.clone(), trusted }
    }

    /// The names of the authorities.
    pub(super) fn subjects(&self) -> Vec<DistinguishedName> {
        let anchors = self.trusted.iter().flat_map(|trusted| &trusted.anchors);
        anchors.map(|anchor| DistinguishedName::in_sequence(&anchor.subject)).collect()
    }

    /// What a client has shown of itself: its certificate first, then what it has of those who vouch for it.
    pub(crate) fn identity(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> ClientIdentity {
        let mut identity = ClientIdentity::none(self.asked.clone());
        let Some((certificate, intermediates)) = chain.split_first() else { return identity };
        identity.escaped_pem = escaped_pem(certificate);
        let Ok((_, read)) = X509Certificate::from_der(certificate) else {
            identity.outcome = verdict::UNSPECIFIED.into();
            return identity;
        };
        identity.subject = rfc2253(read.subject());
        identity.issuer = rfc2253(read.issuer());
        let judged = self.judge(certificate, &read, intermediates, now);
        identity.outcome = judged.map_or_else(Outcome::from, |()| Outcome::Success);
        identity
    }

    fn judge(
        &self,
        der: &CertificateDer<'_>,
        read: &X509Certificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Verdict> {
        let trusted = self.trusted.as_ref().ok_or(verdict::UNSPECIFIED)?;
        if !may_sign(read) {
            return Err(verdict::PURPOSE);
        }
        let depth = usize::try_from(self.asked.depth).unwrap_or(usize::MAX);
        let self_issued = read.subject().as_raw() == read.issuer().as_raw();
        match trusted.verify(der, intermediates, depth, now) {
            // webpki takes no authority for a client. But who makes a certificate for itself mostly makes it one of an authority.
            Err(Some(Error::UnknownIssuer | Error::CaUsedAsEndEntity)) if self_issued => {
                judge_self_issued(read, now)?;
                let listed = self.asked.trust.authorities.iter().any(|authority| authority == der);
                match (listed, trusted.revoked.is_empty()) {
                    (true, true) => Ok(()),
                    // Nobody but itself could have revoked it.
                    (true, false) => Err(verdict::NO_LIST),
                    (false, _) => Err(verdict::SELF_SIGNED),
                }
            }
            Err(Some(Error::UnknownIssuer)) => Err(unknown_issuer(intermediates)),
            Err(Some(error)) => Err(error.into()),
            Err(None) => Err(verdict::CHAIN_TOO_LONG),
            Ok(()) => Ok(()),
        }
    }
}

impl Trusted {
    fn read(trust: &Trust) -> Result<Self, String> {
        let anchor = |(place, der): (usize, &CertificateDer<'static>)| {
            let anchor = anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned());
            anchor.map_err(|error| {
                format!("certificate {} of the authorities cannot be used: {error}", place + 1)
            })
        };
        let list = |(place, der): (usize, &Vec<u8>)| {
            let list = OwnedCertRevocationList::from_der(der).map(CertRevocationList::Owned);
            list.map_err(|error| format!("revocation list {} cannot be used: {error}", place + 1))
        };
        Ok(Self {
            anchors: trust.authorities.iter().enumerate().map(anchor).collect::<Result<_, _>>()?,
            revoked: trust.revoked.iter().enumerate().map(list).collect::<Result<_, _>>()?,
        })
    }

    /// Looks for a chain from a certificate to an authority with at most `depth` others in between.
    ///
    /// # Errors
    /// What is wrong with the best chain; `None` if there is a good one but for its length.
    fn verify(
        &self,
        der: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        depth: usize,
        now: UnixTime,
    ) -> Result<(), Option<Error>> {
        let too_long = Cell::new(false);
        let is_short = |path: &VerifiedPath<'_>| match path.intermediate_certificates().count() <= depth {
            true => Ok(()),
            false => {
                too_long.set(true);
                Err(Error::MaximumPathDepthExceeded)
            }
        };
        let lists: Vec<_> = self.revoked.iter().collect();
        let certificate = EndEntityCert::try_from(der).map_err(Some)?;
        let verified = certificate.verify_for_usage(
            algorithms().all,
            &self.anchors,
            intermediates,
            now,
            KeyUsage::client_auth(),
            revocation(&lists),
            Some(&is_short),
        );
        verified.map(drop).map_err(|error| (!too_long.get()).then_some(error))
    }
}

/// As nginx: with a list, each certificate of the chain must be on a valid one's watch.
fn revocation<'l>(lists: &'l [&'l CertRevocationList<'l>]) -> Option<RevocationOptions<'l>> {
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    let options = options.with_depth(RevocationCheckDepth::Chain);
    let options = options.with_status_policy(UnknownStatusPolicy::Deny);
    Some(options.with_expiration_policy(ExpirationPolicy::Enforce).build())
}

/// A key that is said to be for something must be for signing, or agreeing on keys; of that webpki thinks nothing.
fn may_sign(read: &X509Certificate<'_>) -> bool {
    match read.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.digital_signature() || usage.value.key_agreement()),
        Err(_) => false,
    }
}

/// What else there is to look at in a certificate that vouches for itself.
fn judge_self_issued(read: &X509Certificate<'_>, now: UnixTime) -> Result<(), Verdict> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = read.validity();
    if now < validity.not_before.timestamp() {
        return Err(verdict::NOT_YET_VALID);
    }
    if now > validity.not_after.timestamp() {
        return Err(verdict::EXPIRED);
    }
    match read.extended_key_usage() {
        Ok(usage) if usage.as_ref().is_none_or(|usage| usage.value.client_auth || usage.value.any) => Ok(()),
        _ => Err(verdict::PURPOSE),
    }
}

/// Nobody known vouches for a certificate.
fn unknown_issuer(intermediates: &[CertificateDer<'_>]) -> Verdict {
    let self_signed = intermediates.iter().any(|der| {
        X509Certificate::from_der(der).is_ok_and(|(_, of)| of.subject().as_raw() == of.issuer().as_raw())
    });
    match (intermediates, self_signed) {
        ([], _) => verdict::NO_ISSUER,
        (_, true) => verdict::SELF_SIGNED_IN_CHAIN,
        (_, false) => verdict::NO_ISSUER_OF_CHAIN,
    }
}
