//! What certificates of clients are worth.

use std::sync::Arc;
use std::time::Duration;

use ingress_core::tls::{ClientAuth, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::Judge;
use crate::connection::Outcome;

/// An authority.
struct Ca {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Acme");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Ca {
    fn new(name: &str) -> Self {
        let (params, key) = (ca_params(name), KeyPair::generate().unwrap());
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    /// An authority that this one vouches for.
    fn below(&self, name: &str) -> Self {
        let (params, key) = (ca_params(name), KeyPair::generate().unwrap());
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    fn client(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }

    /// A list of what is revoked, good until that year.
    fn list(&self, serials: &[u64], until: i32) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

/// The middle of 2026, or years from that.
fn now(years: i64) -> UnixTime {
    let seconds = 1_780_000_000 + years * 31_557_600;
    UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap()))
}

fn judge(authorities: &[&CertificateDer<'static>], revoked: Vec<Vec<u8>>, depth: u32) -> Judge {
    let mut trust = Trust::default();
    trust.authorities = authorities.iter().map(|der| (*der).clone()).collect();
    trust.revoked = revoked;
    let mut asked = ClientAuth::new(Arc::new(trust));
    asked.depth = depth;
    Judge::new(&Arc::new(asked))
}

fn outcome(judge: &Judge, chain: &[&CertificateDer<'static>]) -> String {
    outcome_at(judge, chain, 0)
}

/// The outcome as text, with a `?` where only the issuer is unknown.
fn outcome_at(judge: &Judge, chain: &[&CertificateDer<'static>], years: i64) -> String {
    let chain: Vec<_> = chain.iter().map(|der| (*der).clone()).collect();
    let outcome = judge.identity(&chain, now(years)).outcome;
    let unknown = matches!(outcome, Outcome::Failed { unknown: true, .. });
    format!("{outcome}{}", if unknown { "?" } else { "" })
}

#[test]
fn whoever_an_authority_vouches_for_is_known() {
    let ca = Ca::new("ca");
    let client = ca.client(&params("client"));
    let judge = judge(&[&Ca::new("another").der, &ca.der], vec![], 1);
    let identity = judge.identity(std::slice::from_ref(&client), now(0));
    assert_eq!(identity.outcome, Outcome::Success);
    assert_eq!((identity.subject.as_str(), identity.issuer.as_str()), ("CN=client,O=Acme", "CN=ca,O=Acme"));
    assert!(identity.escaped_pem.starts_with("-----BEGIN%20CERTIFICATE-----%0AMII"));
    let identity = judge.identity(&[], now(0));
    assert_eq!(identity.outcome, Outcome::None);
    assert_eq!((identity.subject, identity.issuer, identity.escaped_pem), Default::default());
}

#[test]
fn nobody_known_vouches() {
    let (ca, stranger) = (Ca::new("ca"), Ca::new("stranger"));
    let judge = judge(&[&ca.der], vec![], 3);
    let client = stranger.client(&params("client"));
    assert_eq!(outcome(&judge, &[&client]), "FAILED:unable to verify the first certificate?");
    let chain = [&client, &stranger.der];
    assert_eq!(outcome(&judge, &chain), "FAILED:self-signed certificate in certificate chain?");
    let below = stranger.below("below");
    let chain = [&below.client(&params("client")), &below.der];
    assert_eq!(outcome(&judge, &chain), "FAILED:unable to get local issuer certificate?");
    for params in [params("client"), ca_params("client")] {
        let mut params = params;
        params.key_usages.clear();
        let alone = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(outcome(&judge, &[alone.der()]), "FAILED:self-signed certificate?");
    }
    // Of the same name, but with another key.
    let impostor = Ca::new("ca").client(&params("client"));
    assert_eq!(outcome(&judge, &[&impostor]), "FAILED:certificate signature failure");
}

#[test]
fn times_count() {
    let ca = Ca::new("ca");
    let judge = judge(&[&ca.der], vec![], 1);
    let mut brief = params("client");
    (brief.not_before, brief.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    let alone = brief.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let stranger = Ca::new("stranger").client(&brief);
    let mut authority = brief.clone();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&KeyPair::generate().unwrap()).unwrap();
    for client in [&ca.client(&brief), alone.der(), authority.der(), &stranger] {
        assert_eq!(outcome_at(&judge, &[client], 2), "FAILED:certificate has expired");
        assert_eq!(outcome_at(&judge, &[client], -2), "FAILED:certificate is not yet valid");
    }
}

#[test]
fn a_certificate_for_something_else_is_worth_nothing() {
    let ca = Ca::new("ca");
    let judge = judge(&[&ca.der], vec![], 1);
    let with = |usages: &[KeyUsagePurpose], extended: &[ExtendedKeyUsagePurpose]| {
        let mut params = params("client");
        params.key_usages = usages.to_vec();
        params.extended_key_usages = extended.to_vec();
        outcome(&judge, &[&ca.client(&params)])
    };
    let unsuitable = "FAILED:unsuitable certificate purpose";
    assert_eq!(with(&[], &[ExtendedKeyUsagePurpose::ServerAuth]), unsuitable);
    assert_eq!(with(&[KeyUsagePurpose::KeyEncipherment], &[]), unsuitable);
    let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(with(&[KeyUsagePurpose::DigitalSignature], &both), "SUCCESS");
    let mut authority = ca_params("client");
    authority.key_usages.clear();
    assert_eq!(outcome(&judge, &[&ca.client(&authority)]), unsuitable);
}

#[test]
fn chains_may_be_as_long_as_is_allowed() {
    let ca = Ca::new("ca");
    let (first, second);
    first = ca.below("first");
    second = first.below("second");
    let client = second.client(&params("client"));
    let chain = [&client, &second.der, &first.der];
    for (depth, expected) in [(0, false), (1, false), (2, true), (3, true)] {
        let outcome = outcome(&judge(&[&ca.der], vec![], depth), &chain);
        let expected = if expected { "SUCCESS" } else { "FAILED:certificate chain too long" };
        assert_eq!(outcome, expected, "{depth}");
    }
    let direct = ca.client(&params("client"));
    assert_eq!(outcome(&judge(&[&ca.der], vec![], 0), &[&direct]), "SUCCESS");
    assert_eq!(outcome(&judge(&[&first.der], vec![], 1), &chain), "SUCCESS", "there is a shorter way");
    let gap = [&client, &first.der];
    assert_eq!(
        outcome(&judge(&[&ca.der], vec![], 3), &gap),
        "FAILED:unable to get local issuer certificate?"
    );
}

#[test]
fn what_is_revoked_is_worth_nothing() {
    let ca = Ca::new("ca");
    let numbered = |serial: u64| {
        let mut params = params("client");
        params.serial_number = Some(SerialNumber::from(serial));
        ca.client(&params)
    };
    let (good, bad) = (numbered(1), numbered(2));
    let with = |list| judge(&[&ca.der], vec![list], 1);
    let judge = with(ca.list(&[2, 3], 2999));
    assert_eq!(outcome(&judge, &[&good]), "SUCCESS");
    assert_eq!(outcome(&judge, &[&bad]), "FAILED:certificate revoked");
    assert_eq!(outcome(&with(ca.list(&[], 2021)), &[&good]), "FAILED:CRL has expired");
    let foreign = Ca::new("stranger").list(&[], 2999);
    assert_eq!(outcome(&with(foreign), &[&good]), "FAILED:unable to get certificate CRL");
    // Each of the chain must be on watch.
    let below = ca.below("below");
    let chain = [&below.client(&params("client")), &below.der];
    assert_eq!(outcome(&judge, &chain), "FAILED:unable to get certificate CRL");
    let both = super::tests::judge(&[&ca.der], vec![ca.list(&[], 2999), below.list(&[], 2999)], 1);
    assert_eq!(outcome(&both, &chain), "SUCCESS");
}

#[test]
fn who_is_listed_as_an_authority_vouches_for_itself() {
    for mut params in [params("client"), ca_params("client")] {
        params.key_usages.clear();
        let key = KeyPair::generate().unwrap();
        let listed = params.self_signed(&key).unwrap();
        assert_eq!(outcome(&judge(&[listed.der()], vec![], 1), &[listed.der()]), "SUCCESS");
        // Of the same name, but not the same.
        let other = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let outcome = outcome(&judge(&[listed.der()], vec![], 1), &[other.der()]);
        assert!(outcome.starts_with("FAILED:"), "{outcome}");
        // Nobody but itself could revoke it, so with lists it is not known whether somebody has.
        let list = Ca::new("ca").list(&[], 2999);
        let outcome = super::tests::outcome(&judge(&[listed.der()], vec![list], 1), &[listed.der()]);
        assert_eq!(outcome, "FAILED:unable to get certificate CRL");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = params.self_signed(&key).unwrap();
        let outcome = super::tests::outcome(&judge(&[server.der()], vec![], 1), &[server.der()]);
        assert_eq!(outcome, "FAILED:unsuitable certificate purpose");
    }
}

#[test]
fn what_cannot_be_read_is_worth_nothing() {
    let ca = Ca::new("ca");
    let nonsense = CertificateDer::from(vec![1, 2, 3]);
    let good = judge(&[&ca.der], vec![], 1);
    assert_eq!(outcome(&good, &[&nonsense]), "FAILED:unspecified certificate verification error");
    let client = ca.client(&params("client"));
    for broken in [judge(&[&ca.der, &nonsense], vec![], 1), judge(&[&ca.der], vec![vec![1, 2]], 1)] {
        assert_eq!(outcome(&broken, &[&client]), "FAILED:unspecified certificate verification error");
    }
    let mut trust = Trust::default();
    trust.authorities = vec![ca.der.clone()];
    assert_eq!(crate::tls::check_trust(&trust), Ok(()));
    trust.authorities.push(nonsense);
    let reason = crate::tls::check_trust(&trust).unwrap_err();
    assert!(reason.starts_with("certificate 2 of the authorities cannot be used"), "{reason}");
    (trust.authorities, trust.revoked) = (vec![ca.der], vec![vec![1]]);
    let reason = crate::tls::check_trust(&trust).unwrap_err();
    assert!(reason.starts_with("revocation list 1 cannot be used"), "{reason}");
}
