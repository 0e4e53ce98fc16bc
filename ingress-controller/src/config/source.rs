//! Where objects come from.

use std::path::PathBuf;

use crate::args::Args;
use crate::error::Error;

/// Where objects come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Files and folders (`--manifests`).
    Manifests(Vec<PathBuf>),
    /// A Kubernetes API server.
    Cluster(ClusterConfig),
}

/// The way to the Kubernetes API server. With none of the fields it is the one that `KUBECONFIG` leads to, else that of the pod we run in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// File with address and credentials (`--kubeconfig`).
    pub kubeconfig: Option<PathBuf>,
    /// Address, with its scheme; overrides the one of the file (`--apiserver-host`).
    pub host: Option<String>,
    /// File with the certificates, in PEM, that the server's is checked against (`--certificate-authority`).
    pub certificate_authority: Option<PathBuf>,
}

impl Source {
    /// What the flags say. `var` reads the environment.
    pub(super) fn from_args(args: &Args, var: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let cluster = ClusterConfig {
            kubeconfig: args.cluster.kubeconfig.clone(),
            host: args.cluster.apiserver_host.clone(),
            certificate_authority: args.cluster.certificate_authority.clone(),
        };
        let given = [
            ("--kubeconfig", cluster.kubeconfig.is_some()),
            ("--apiserver-host", cluster.host.is_some()),
            ("--certificate-authority", cluster.certificate_authority.is_some()),
        ];
        if !args.manifests.is_empty() {
            return match given.into_iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(Error::Exclusive("--manifests", flag)),
                None => Ok(Self::Manifests(args.manifests.clone())),
            };
        }
        let found = ["KUBERNETES_SERVICE_HOST", "KUBECONFIG"].into_iter().any(|name| var(name).is_some());
        if cluster.kubeconfig.is_none() && cluster.host.is_none() && !found {
            return Err(Error::NoSource);
        }
        Ok(Self::Cluster(cluster))
    }
}
