//! The certificate and key of the webhook, read again when their files change.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::Instant;

use crate::error::Error;

const CERTIFICATE: &str = "--validating-webhook-certificate";
const KEY: &str = "--validating-webhook-key";

/// How often the files are looked at, and only if somebody connects.
const LOOK: Duration = Duration::from_secs(1);

/// Who the webhook says it is. The key is nowhere but in rustls' own type.
#[derive(Debug)]
pub(super) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read.
    stamps: [Option<Stamp>; 2],
    looked: Instant,
    config: Arc<ServerConfig>,
}

/// Tells one content of a file from another. A mounted Secret is changed by a symbolic link that leads to other files from then on, so the
/// file at its end is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    device: u64,
    number: u64,
}

impl Identity {
    /// Reads both files.
    pub(super) fn new(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let stamps = stamps(&certificate, &key);
        let config = Arc::new(load(&certificate, &key)?);
        Ok(Self { certificate, key, stamps, looked: Instant::now(), config })
    }

    /// What a new connection is served with. Files that changed and cannot be used are told of once, and the old ones stay in use.
    pub(super) fn current(&mut self) -> Arc<ServerConfig> {
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.look();
        }
        self.config.clone()
    }

    fn look(&mut self) {
        // Taken before the files are read: what changes in between is seen the next time.
        let stamps = stamps(&self.certificate, &self.key);
        if stamps == self.stamps {
            return;
        }
        self.stamps = stamps;
        match load(&self.certificate, &self.key) {
            Ok(config) => {
                self.config = Arc::new(config);
                tracing::info!("admission webhook: took the new certificate in {:?}", self.certificate);
            }
            Err(error) => tracing::error!("{error}; the certificate that was read before stays in use"),
        }
    }
}

fn stamps(certificate: &Path, key: &Path) -> [Option<Stamp>; 2] {
    let stamp = |metadata: Metadata| Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        device: metadata.dev(),
        number: metadata.ino(),
    };
    [certificate, key].map(|path| fs::metadata(path).ok().map(stamp))
}

fn load(certificate: &Path, key: &Path) -> Result<ServerConfig, Error> {
    let wrong =
        |flag, path: &Path, problem: String| Error::Certificate { flag, path: path.to_owned(), problem };
    let read = |flag, path: &Path| {
        fs::read(path).map_err(|error| wrong(flag, path, format!("{error}; pass a file that can be read")))
    };
    // The errors of the PEM reader may show a line of the file, so they are not passed on.
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&read(CERTIFICATE, certificate)?).collect::<Result<_, _>>().map_err(
            |_| wrong(CERTIFICATE, certificate, "it is not PEM; pass a certificate in that form".into()),
        )?;
    if chain.is_empty() {
        let problem = "it holds no certificate; pass a file in PEM form that does".into();
        return Err(wrong(CERTIFICATE, certificate, problem));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(KEY, key)?)
        .map_err(|_| wrong(KEY, key, "it holds no private key in PEM form; pass a file that does".into()))?;
    // Given by hand: what the process has as its default is not ours to choose or to rely on.
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map(|mut config| {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            config
        })
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong(
                KEY,
                key,
                format!("it is not the key of the certificate in {certificate:?}; pass that one"),
            ),
            rustls::Error::InvalidCertificate(reason) => {
                wrong(CERTIFICATE, certificate, format!("it is no certificate that can be used: {reason}"))
            }
            other => wrong(KEY, key, format!("it is no key that can be used: {other}")),
        })
}
