//! What no configuration says: it comes from this process.

use std::net::SocketAddr;
use std::sync::Arc;

use ingress_core::TlsCheck;
use ingress_proxy::tls::{check_certificate, check_trust};

use crate::config::RunConfig;
use crate::error::Error;
use crate::fake_certificate;

/// What ingress-nginx listens on beside the ports of its flags. No TCP or UDP service may have one of them, so that a ConfigMap means the
/// same here and there.
const PORTS_OF_INGRESS_NGINX: [u16; 5] = [442, 8181, 10245, 10246, 10247];

/// Adds to the options the certificate where there is no other, the ports that are taken, and the cryptography. `others` are the
/// addresses that are bound already.
pub(super) fn prepare(
    mut config: RunConfig,
    others: impl IntoIterator<Item = SocketAddr>,
) -> Result<RunConfig, Error> {
    let traffic: Vec<_> = config.http.iter().chain(&config.https).copied().collect();
    let options = &mut config.options;
    let taken = traffic.into_iter().chain(others).map(|address| address.port()).filter(|port| *port != 0);
    options.reserved_ports.extend(taken.chain(PORTS_OF_INGRESS_NGINX));
    options.reserved_ports.sort_unstable();
    options.reserved_ports.dedup();
    options.tls_check = TlsCheck::new(check_certificate, check_trust);
    if options.fallback_certificate.is_none() && !config.https.is_empty() {
        options.fallback_certificate = Some(Arc::new(fake_certificate::make()?));
    }
    if config.proxy.http3_port.is_none() && !config.https.is_empty() {
        config.proxy.http3_port = Some(config.options.https_port);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_are_taken_are_reserved() {
        let mut config = RunConfig::new(Vec::new(), ([127, 0, 0, 1], 80).into());
        config.https = vec![([127, 0, 0, 1], 443).into(), ([127, 0, 0, 2], 0).into()];
        let config = prepare(config, [([127, 0, 0, 1], 10254).into()]).unwrap();
        assert_eq!(config.options.reserved_ports, [80, 442, 443, 8181, 10245, 10246, 10247, 10254]);
    }

    #[test]
    fn a_certificate_of_the_embedder_stays_and_without_https_none_is_made() {
        let config = RunConfig::new(Vec::new(), ([127, 0, 0, 1], 0).into());
        assert_eq!(prepare(config.clone(), []).unwrap().options.fallback_certificate, None);
        let own = Arc::new(fake_certificate::make().unwrap());
        let mut config = config;
        config.https = config.http.clone();
        config.options.fallback_certificate = Some(own.clone());
        let kept = prepare(config, []).unwrap().options.fallback_certificate.unwrap();
        assert!(Arc::ptr_eq(&kept, &own));
    }
}
