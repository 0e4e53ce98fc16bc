//! An authority, and what it vouches for.

use std::sync::Arc;

use ingress_proxy::core::tls::{Certificate, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Somebody who vouches for others.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its chain and key.
pub(crate) struct Issued {
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    key: KeyPair,
    serial: u64,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority that this one vouches for.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(authority(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, 1, |_| ())
    }

    pub(crate) fn issue_with(
        &self,
        name: &str,
        serial: u64,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let (chain, chain_pem) = (vec![certificate.der().clone()], certificate.pem());
        Issued { chain, chain_pem, key, serial }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::from_pem(self.0.pem().as_bytes(), None).unwrap()
    }

    /// Trust, but not in this one.
    pub(crate) fn trust_without(&self, revoked: &Issued) -> Trust {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(revoked.serial),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.0).unwrap().pem().unwrap();
        Trust::from_pem(self.0.pem().as_bytes(), Some(list.as_bytes())).unwrap()
    }

    /// The certificate of this authority as one of a chain.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// One that vouches for itself, and calls itself an authority, as `openssl req -x509` makes them.
pub(crate) fn self_signed(name: &str) -> Issued {
    self_signed_until(name, 2100)
}

/// Likewise, valid until that year.
pub(crate) fn self_signed_until(name: &str, year: i32) -> Issued {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    Issued { chain: vec![certificate.der().clone()], chain_pem: certificate.pem(), key, serial: 0 }
}

impl Issued {
    /// With an intermediate authority in the chain.
    pub(crate) fn with(mut self, intermediate: &Authority) -> Self {
        self.chain.push(intermediate.der());
        self
    }

    /// As what the proxy shows.
    pub(crate) fn certificate(&self) -> Arc<Certificate> {
        let key = self.key.serialize_pem();
        Arc::new(Certificate::from_pem("shop/client", self.chain_pem.as_bytes(), key.as_bytes()).unwrap())
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::from_pem(self.chain_pem.as_bytes(), None).unwrap()
    }

    /// As what an endpoint shows; it asks for certificates of clients if it knows an authority for them.
    pub(crate) fn server(&self, clients: Option<&Authority>, alpn: &[&str]) -> Arc<ServerConfig> {
        self.config(clients, alpn, rustls::ALL_VERSIONS)
    }

    /// As what an endpoint shows that speaks no other versions.
    pub(crate) fn server_with(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        self.config(None, &[], versions)
    }

    fn config(
        &self,
        clients: Option<&Authority>,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(clients.der()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(self.chain.clone(), key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
