//! The way to the API server.

use std::time::Duration;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::ClusterConfig;
use crate::error::Error;

/// How long the server may go without ending a watch, in seconds. A connection that has died without a word is noticed after it.
pub(crate) const WATCH_SECONDS: u32 = 100;

/// An answer in which nothing comes for so long does not come any more. A watch ends before that.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 20);

/// A client for the API server that the flags name: `--kubeconfig`, else `--apiserver-host`, else `KUBECONFIG`, else that of the cluster
/// that we run in.
///
/// # Errors
/// [`Error::Cluster`] if none of them can be used. Nothing is sent yet.
pub(crate) async fn connect(cluster: &ClusterConfig) -> Result<Client, Error> {
    let mut config = config(cluster).await?;
    // It would wait up to a quarter of an hour before it tries again; whoever sends a request here knows better when to.
    config.default_retry = false;
    // Whoever waits for a list, or for a watch to begin, has no limit of its own.
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    if let Some(path) = &cluster.certificate_authority {
        let failed = |error: String| {
            let remedy = "pass a PEM file with certificates";
            Error::Cluster { flag: "--certificate-authority", message: format!("{path:?}: {error}"), remedy }
        };
        let read = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
        let read: Result<Vec<_>, _> = read.map(|certificate| Ok(certificate?.to_vec())).collect();
        config.root_cert =
            Some(read.map_err(|error: rustls_pki_types::pem::Error| failed(error.to_string()))?);
    }
    Client::try_from(config).map_err(|error| Error::Cluster {
        flag: "--kubeconfig",
        message: error.to_string(),
        remedy: "see the addresses, certificates and keys in it",
    })
}

async fn config(cluster: &ClusterConfig) -> Result<Config, Error> {
    let options = KubeConfigOptions::default();
    let kubeconfig = |flag: &'static str, error: ::kube::config::KubeconfigError| Error::Cluster {
        flag,
        message: error.to_string(),
        remedy: "pass a kubeconfig whose current context leads to the cluster",
    };
    if let Some(path) = &cluster.kubeconfig {
        let read = Kubeconfig::read_from(path).map_err(|error| kubeconfig("--kubeconfig", error))?;
        let mut config = Config::from_custom_kubeconfig(read, &options)
            .await
            .map_err(|error| kubeconfig("--kubeconfig", error))?;
        if let Some(host) = &cluster.host {
            config.cluster_url = url(host)?;
        }
        return Ok(config);
    }
    if let Some(host) = &cluster.host {
        return Ok(Config::new(url(host)?));
    }
    if std::env::var_os("KUBECONFIG").is_some() {
        return Config::from_kubeconfig(&options).await.map_err(|error| kubeconfig("KUBECONFIG", error));
    }
    Config::incluster().map_err(|error| Error::Cluster {
        flag: "--kubeconfig",
        message: format!("not given, nor is KUBECONFIG, and this is no pod of a cluster: {error}"),
        remedy: "pass --kubeconfig=PATH, or --manifests=PATH to serve objects from files",
    })
}

fn url(host: &str) -> Result<http::Uri, Error> {
    host.parse().map_err(|error: http::uri::InvalidUri| Error::Cluster {
        flag: "--apiserver-host",
        message: format!("{host:?}: {error}"),
        remedy: "write it as https://HOST:PORT",
    })
}

#[cfg(test)]
mod tests {
    use ::kube::Api;
    use k8s_openapi::api::core::v1::Service;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Some(format!("http://{}", listener.local_addr().unwrap()));
        let client = connect(&ClusterConfig { host, ..ClusterConfig::default() }).await.unwrap();
        let services = Api::<Service>::all(client);
        let all = Default::default();
        assert!(timeout(2 * SILENCE, services.list(&all)).await.expect("it ends").is_err());
    }
}
