//! The certificate of secure.mywebsite.com, with the authority that vouches for it. In a cluster cert-manager would write the Secret.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The host that the certificate is for.
pub(crate) const HOST: &str = "secure.mywebsite.com";

/// An authority that only this process and whoever reads its file believes.
pub(crate) struct Authority {
    /// Its certificate in PEM.
    pub(crate) file: PathBuf,
    /// Does handshakes with those that it vouches for, and no others.
    pub(crate) connector: TlsConnector,
}

/// Makes an authority and a certificate of it for [`HOST`]: writes the one into `public`, and the Secret with the other into `objects`.
pub(crate) fn make(public: &Path, objects: &Path) -> Result<Authority, Box<dyn Error>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Authority of the quickstart");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([HOST.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, HOST);
    let certificate = params.signed_by(&key, &authority)?;
    std::fs::write(objects.join("secret.yaml"), secret(&certificate.pem(), &key.serialize_pem())?)?;

    let file = public.join("authority.pem");
    std::fs::write(&file, authority.pem())?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Authority { file, connector: TlsConnector::from(Arc::new(config)) })
}

fn secret(certificate: &str, key: &str) -> Result<String, std::fmt::Error> {
    let mut yaml = String::from(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: secure-mywebsite-com}\ntype: kubernetes.io/tls\nstringData:\n",
    );
    for (name, pem) in [("tls.crt", certificate), ("tls.key", key)] {
        writeln!(yaml, "  {name}: |")?;
        pem.lines().try_for_each(|line| writeln!(yaml, "    {line}"))?;
    }
    Ok(yaml)
}
