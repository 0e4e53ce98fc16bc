//! The admission webhook.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::args::Args;
use crate::error::Error;

/// Where the admission webhook is served, and with which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// Where; port 0 takes a free one (`--validating-webhook`). The IPv6 address for "any" means all of IPv4 too.
    pub address: SocketAddr,
    /// File with the certificate in PEM (`--validating-webhook-certificate`).
    pub certificate: PathBuf,
    /// File with its key in PEM (`--validating-webhook-key`).
    pub key: PathBuf,
}

impl WebhookConfig {
    /// The webhook on `address`, with the certificate and the key of these files.
    pub fn new(address: SocketAddr, certificate: PathBuf, key: PathBuf) -> Self {
        Self { address, certificate, key }
    }

    /// What the flags say: all three or none.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Error> {
        const ADDRESS: &str = "--validating-webhook";
        const CERTIFICATE: &str = "--validating-webhook-certificate";
        const KEY: &str = "--validating-webhook-key";
        let args = &args.webhook;
        let (certificate, key) = (&args.validating_webhook_certificate, &args.validating_webhook_key);
        match (args.validating_webhook, certificate, key) {
            (None, None, None) => Ok(None),
            (Some((ip, port)), Some(certificate), Some(key)) => {
                let address = SocketAddr::new(ip.unwrap_or_else(super::any_address), port);
                Ok(Some(Self::new(address, certificate.clone(), key.clone())))
            }
            (Some(_), None, _) => Err(Error::Needs(ADDRESS, CERTIFICATE)),
            (Some(_), _, None) => Err(Error::Needs(ADDRESS, KEY)),
            (None, Some(_), _) => Err(Error::Needs(CERTIFICATE, ADDRESS)),
            (None, None, Some(_)) => Err(Error::Needs(KEY, ADDRESS)),
        }
    }
}
