//! Certificates: authorities, and what they sign.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Somebody who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
    /// Those between a certificate of this one and the root, nearest first; with this one, unless it is the root.
    between: Vec<rcgen::Certificate>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, then those between it and the root.
    pub chain: Vec<CertificateDer<'static>>,
    /// The same in PEM.
    pub chain_pem: String,
    /// The key in PEM.
    pub key_pem: String,
    key: KeyPair,
    serial: SerialNumber,
}

/// What a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// P-256
    Ecdsa,
    /// 2048 bits
    Rsa,
    /// Ed25519
    Ed25519,
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Wish {
    params: CertificateParams,
    algorithm: Algorithm,
}

impl Wish {
    /// One of a server with these names.
    ///
    /// # Panics
    /// If one is no name.
    pub fn server(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
        Self::new(CertificateParams::new(names).expect("names"), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// One of a client, whose subject is `CN=<name>,O=Acme`.
    pub fn client(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::CommonName, name);
        Self::new(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn new(mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Self {
        params.extended_key_usages = vec![usage];
        params.serial_number = Some(rand::random::<u64>().into());
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2099, 1, 1));
        Self { params, algorithm: Algorithm::Ecdsa }
    }

    /// With a key of this kind.
    #[must_use]
    pub fn of(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Not valid any more.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.params.not_after = date_time_ymd(2025, 1, 1);
        self
    }
}

fn key(algorithm: Algorithm) -> KeyPair {
    let algorithm = match algorithm {
        Algorithm::Ecdsa => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::Rsa => &rcgen::PKCS_RSA_SHA256,
        Algorithm::Ed25519 => &rcgen::PKCS_ED25519,
    };
    KeyPair::generate_for(algorithm).expect("a key")
}

impl Authority {
    /// A root.
    ///
    /// # Panics
    /// If there is no randomness.
    pub fn new(name: &str) -> Self {
        let (params, key) = (authority(name), key(Algorithm::Ecdsa));
        let certificate = params.self_signed(&key).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), pem, der, between: Vec::new() }
    }

    /// One that this one vouches for.
    ///
    /// # Panics
    /// If there is no randomness.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let (params, key) = (authority(name), key(Algorithm::Ecdsa));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        let between = [certificate].into_iter().chain(self.between.iter().cloned()).collect();
        Self { issuer: Issuer::new(params, key), pem, der, between }
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its own certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Signs what is wished for.
    ///
    /// # Panics
    /// If there is no randomness.
    pub fn sign(&self, wish: &Wish) -> Identity {
        let key = key(wish.algorithm);
        let certificate = wish.params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain: Vec<_> = [certificate].into_iter().chain(self.between.iter().cloned()).collect();
        Identity {
            chain_pem: chain.iter().map(rcgen::Certificate::pem).collect(),
            chain: chain.iter().map(|certificate| certificate.der().clone()).collect(),
            key_pem: key.serialize_pem(),
            key,
            serial: wish.params.serial_number.clone().unwrap_or_else(|| 0.into()),
        }
    }

    /// One of a server with these names.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.sign(&Wish::server(names))
    }

    /// One of a client.
    pub fn client(&self, name: &str) -> Identity {
        self.sign(&Wish::client(name))
    }

    /// A list that revokes these, PEM.
    ///
    /// # Panics
    /// If it cannot be signed.
    pub fn revoke(&self, revoked: &[&Identity]) -> String {
        let revoked = revoked.iter().map(|identity| RevokedCertParams {
            serial_number: identity.serial.clone(),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a revocation list")
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2099, 1, 1));
    params
}

impl Identity {
    /// The certificate itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// The key as rustls takes it.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// DER of the public key (`SubjectPublicKeyInfo`).
    pub fn public_key(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(&self.key)
    }
}
