//! Whether an endpoint is who it should be.

use std::fmt;
use std::sync::Arc;

use ingress_core::tls::{Facts, Trust, UpstreamTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use crate::body::BoxError;

/// What judges the certificates of endpoints.
///
/// # Errors
/// If what is trusted cannot be used.
pub(super) fn verifier(
    tls: &UpstreamTls,
    provider: &CryptoProvider,
) -> Result<Arc<dyn ServerCertVerifier>, BoxError> {
    let algorithms = provider.signature_verification_algorithms;
    if !tls.verify {
        return Ok(Arc::new(Verifier { algorithms, judge: None }));
    }
    let judge = Judge::new(&tls.trust.clone().unwrap_or_default(), tls.depth)?;
    Ok(Arc::new(Verifier { algorithms, judge: Some(judge) }))
}

/// Checks that the endpoint has the key of its certificate, and, with a judge, what the certificate is worth.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    judge: Option<Judge>,
}

/// Who is believed, and how far.
struct Judge {
    authorities: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<CertRevocationList<'static>>,
    depth: u32,
}

impl Judge {
    fn new(trust: &Trust, depth: u32) -> Result<Self, BoxError> {
        let anchor = |der| webpki::anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned());
        let anchors: Result<_, _> = trust.authorities.iter().map(anchor).collect();
        let list = |der: &Vec<u8>| OwnedCertRevocationList::from_der(der).map(CertRevocationList::from);
        let revoked: Result<_, _> = trust.revoked.iter().map(list).collect();
        Ok(Self { authorities: trust.authorities.clone(), anchors: anchors?, revoked: revoked?, depth })
    }

    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), rustls::Error> {
        let end = EndEntityCert::try_from(certificate).map_err(refused)?;
        if self.authorities.contains(certificate) {
            // Trusted in person, as OpenSSL has it: a self-signed certificate often calls itself an authority.
            in_time(certificate, now)?;
        } else {
            self.vouched(&end, chain, now, algorithms)?;
        }
        end.verify_is_valid_for_subject_name(name).map_err(refused)
    }

    /// Whether somebody whom we trust vouches for it.
    fn vouched(
        &self,
        end: &EndEntityCert<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), rustls::Error> {
        let lists: Vec<_> = self.revoked.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let short_enough = |path: &VerifiedPath<'_>| {
            let between = u32::try_from(path.intermediate_certificates().count()).unwrap_or(u32::MAX);
            if between <= self.depth { Ok(()) } else { Err(webpki::Error::MaximumPathDepthExceeded) }
        };
        let usage = KeyUsage::server_auth();
        end.verify_for_usage(
            algorithms.all,
            &self.anchors,
            chain,
            now,
            usage,
            revocation,
            Some(&short_enough),
        )
        .map(drop)
        .map_err(refused)
    }
}

fn in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let facts = Facts::of(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match now {
        _ if now < facts.not_before => Err(CertificateError::NotValidYet.into()),
        _ if now > facts.not_after => Err(CertificateError::Expired.into()),
        _ => Ok(()),
    }
}

/// The alert that rustls sends, and the text of the log, go by this.
fn refused(error: webpki::Error) -> rustls::Error {
    match error {
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::CertNotValidForName(_) => CertificateError::NotValidForName,
        webpki::Error::CertRevoked => CertificateError::Revoked,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        error => CertificateError::Other(OtherError(Arc::new(error))),
    }
    .into()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(judge) = &self.judge {
            judge.check(end_entity, intermediates, server_name, now, &self.algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("depth", &self.depth).finish_non_exhaustive()
    }
}
