//! The certificate that is presented while there is no better one.

use std::time::{Duration, SystemTime};

use ingress_core::tls::{Certificate, Facts, PrivateKey};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::Error;

/// What it is called where certificates are named, as in ingress-nginx. No Secret can have this name: it lacks a namespace.
const NAME: &str = "default-fake-certificate";

/// Made anew by each process, so a client that wants to know whom it speaks to cannot use it in any case; nothing renews it.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// A new self-signed certificate with the names of ingress-nginx's. Its key is ECDSA P-256, where ingress-nginx has RSA 2048: every client
/// that speaks TLS 1.2 knows it, it is made in a millisecond, and a handshake costs a fraction.
///
/// # Errors
/// [`Error::FakeCertificate`] if the system has no randomness.
pub(crate) fn make() -> Result<Certificate, Error> {
    build().map_err(|error| Error::FakeCertificate(error.to_string()))
}

fn build() -> Result<Certificate, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(["ingress.local".to_owned()])?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Acme Co");
    subject.push(DnType::CommonName, "Kubernetes Ingress Controller Fake Certificate");
    params.distinguished_name = subject;
    let now = SystemTime::now();
    params.not_before = now.into();
    params.not_after = (now + LIFETIME).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let der = params.self_signed(&key)?.der().clone();
    let key = PrivateKey::new(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialized_der())));
    Ok(Certificate { name: NAME.into(), facts: Facts::of(&der)?, chain: vec![der], key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_called_as_in_ingress_nginx_and_can_be_presented() {
        let certificate = make().unwrap();
        ingress_proxy::tls::check_certificate(&certificate).unwrap();
        let facts = &certificate.facts;
        assert_eq!(facts.names, ["ingress.local"]);
        assert_eq!(facts.issuer_common_name, "Kubernetes Ingress Controller Fake Certificate");
        assert_eq!(facts.issuer_organization, "Acme Co");
        assert_eq!((facts.public_key_algorithm.as_str(), certificate.chain.len()), ("ECDSA", 1));
        let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(facts.not_after - facts.not_before, 365 * 86400);
        assert!((0..60).contains(&(now.unwrap() - facts.not_before)), "{facts:?}");
        let other = make().unwrap();
        assert!(other.key != certificate.key && other.facts.serial_number != facts.serial_number);
    }
}
