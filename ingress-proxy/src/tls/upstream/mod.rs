//! TLS towards endpoints: what rustls needs to know, made once for each description and protocol, when the first endpoint is connected to.

mod verify;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use ingress_core::tls::{CipherSuite, UpstreamTls};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::provider::{provider, versions};
use crate::body::BoxError;

/// The clients that are in use. Upstreams that are spoken to in the same way share one, and with it the sessions to resume.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    made: Mutex<Vec<Weak<Client>>>,
}

impl Clients {
    /// The client of a description, for HTTP/2 or for HTTP/1.1.
    pub(crate) fn get(&self, settings: &Arc<UpstreamTls>, http2: bool) -> Arc<Client> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|client| client.strong_count() > 0);
        let mut held = made.iter().filter_map(Weak::upgrade);
        if let Some(client) = held.find(|client| client.http2 == http2 && client.settings == *settings) {
            return client;
        }
        let client = Arc::new(Client { settings: settings.clone(), http2, connector: OnceLock::new() });
        made.push(Arc::downgrade(&client));
        client
    }
}

/// One way to do the handshake.
pub(crate) struct Client {
    settings: Arc<UpstreamTls>,
    http2: bool,
    connector: OnceLock<Result<TlsConnector, String>>,
}

impl Client {
    /// Does the handshake. `host` is the endpoint's name unless the description has one.
    ///
    /// # Errors
    /// Why there is no secure connection; never any part of a key.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, BoxError> {
        let name = self.name(address, host)?;
        let connector = self.connector.get_or_init(|| {
            let made =
                client_config(&self.settings, self.http2).map(|config| TlsConnector::from(Arc::new(config)));
            made.map_err(|error| format!("TLS towards endpoints cannot be set up: {error}"))
        });
        let stream = connector.as_ref().map_err(String::as_str)?.connect(name, stream).await?;
        Ok(stream)
    }

    /// Who the endpoint must be. Where nobody asks for a name, one that cannot be written in a certificate does no harm: the address
    /// stands for it, and nothing but the sessions goes by it.
    fn name(&self, address: SocketAddr, host: &str) -> Result<ServerName<'static>, BoxError> {
        let text = self.settings.name.as_deref().unwrap_or(host).trim_end_matches('.');
        match ServerName::try_from(text.to_owned()) {
            Ok(name) => Ok(name),
            Err(_) if !self.settings.verify && !self.settings.server_name => Ok(address.ip().into()),
            Err(_) => {
                Err(format!("\"{text}\" is no name that a certificate can be for; set proxy-ssl-name").into())
            }
        }
    }
}

/// Keys are not shown; the description does not show them either.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("http2", &self.http2).finish_non_exhaustive()
    }
}

fn client_config(tls: &UpstreamTls, http2: bool) -> Result<ClientConfig, BoxError> {
    let ciphers = if tls.ciphers.is_empty() { &CipherSuite::DEFAULT[..] } else { &tls.ciphers };
    let provider = Arc::new(provider(ciphers));
    let versions = versions(&tls.versions);
    let verifier = verify::verifier(tls, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &tls.certificate {
        Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.to_der()?)?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = tls.server_name;
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs::cipher_suite;

    use super::*;

    #[test]
    fn equal_descriptions_share_a_client() {
        let (clients, one) = (Clients::default(), Arc::new(UpstreamTls::default()));
        let held = clients.get(&one, false);
        assert!(Arc::ptr_eq(&held, &clients.get(&Arc::default(), false)));
        assert!(!Arc::ptr_eq(&held, &clients.get(&one, true)));
        let mut other = UpstreamTls::default();
        other.verify = true;
        assert!(!Arc::ptr_eq(&held, &clients.get(&Arc::new(other), false)));
    }

    #[test]
    fn a_name_matters_only_to_those_who_ask_for_it() {
        let (clients, address) = (Clients::default(), ([127, 0, 0, 1], 1).into());
        let name = |tls: UpstreamTls, host| clients.get(&Arc::new(tls), false).name(address, host);
        assert_eq!(name(UpstreamTls::default(), "no name").unwrap(), ServerName::from(address.ip()));
        let mut asked = UpstreamTls::default();
        asked.verify = true;
        assert!(name(asked.clone(), "no name").unwrap_err().to_string().contains("proxy-ssl-name"));
        asked.name = Some("api.test".into());
        assert_eq!(name(asked, "no name").unwrap().to_str(), "api.test");
    }

    #[test]
    fn versions_and_ciphers_are_those_that_are_listed() {
        let mut tls = UpstreamTls::default();
        tls.ciphers = vec![CipherSuite::RsaAes256Gcm];
        let listed = provider(&tls.ciphers).cipher_suites;
        let older: Vec<_> = listed.iter().filter(|suite| suite.tls13().is_none()).collect();
        assert_eq!(older, [&cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]);
        assert!(client_config(&tls, true).unwrap().alpn_protocols == [b"h2"]);
        tls.versions.clear();
        assert!(client_config(&tls, true).is_err());
    }
}
