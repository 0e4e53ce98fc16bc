//! Why the controller did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the controller did not start. Each names the flag and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to read objects from.
    #[error(
        "--manifests: no file or folder is given, and there is no cluster here; pass one with --manifests=PATH, or the way to an API \
         server with --kubeconfig=PATH or KUBECONFIG (in a pod it is found without)"
    )]
    NoSource,
    /// Two flags exclude each other.
    #[error("{0} and {1} exclude each other; pass one of the two")]
    Exclusive(&'static str, &'static str),
    /// A flag does nothing without another.
    #[error("{0} needs {1}; pass both or leave both out")]
    Needs(&'static str, &'static str),
    /// `--watch-namespace-selector` is no selector.
    #[error("--watch-namespace-selector: {0}")]
    Selector(#[source] ingress_core::SelectorError),
    /// A path of `--manifests` leads nowhere.
    #[error("--manifests: {path:?} cannot be used: {source}; pass a file or folder that exists")]
    Manifests {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The API server cannot be asked.
    #[error("{flag}: {message}; {remedy}")]
    Cluster {
        /// The flag or variable that says how to reach it.
        flag: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Two things were given the same port.
    #[error("{one} and {other} are both {port}; pass two different ports")]
    SamePort {
        /// The flag of the one.
        one: &'static str,
        /// The flag of the other.
        other: &'static str,
        /// The port.
        port: u16,
    },
    /// There is no address to listen on.
    #[error("--bind-address: no address is given; leave the flag out to listen on all")]
    NoAddress,
    /// An address cannot be listened on.
    #[error("{flag}: cannot listen on {address}: {source}; {}", way_out(.flag, .source))]
    Listen {
        /// The flag that the port comes from.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate of the admission webhook or its key cannot be used.
    #[error("{flag}: {path:?} cannot be used: {problem}")]
    Certificate {
        /// The flag that the path comes from.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// The certificate for hosts that have none cannot be made.
    #[error(
        "cannot make the certificate for hosts that have none: {0}; the system must offer random numbers"
    )]
    FakeCertificate(String),
    /// The system refused a thread or what belongs to it.
    #[error("cannot start the {part}: {source}; see the limits of processes and open files")]
    System {
        /// What it was for.
        part: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The control thread ended before it said how the start went.
    #[error(
        "the control thread ended while it started; this is a defect of the controller, please report it"
    )]
    Ended,
}

impl Error {
    /// What the process exits with: 2 for a wrong flag, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoSource
            | Self::Exclusive(..)
            | Self::Needs(..)
            | Self::Selector(_)
            | Self::Cluster { .. }
            | Self::Manifests { .. }
            | Self::SamePort { .. }
            | Self::NoAddress
            | Self::Certificate { .. } => 2,
            Self::Listen { .. } | Self::FakeCertificate(_) | Self::System { .. } | Self::Ended => 1,
        }
    }
}

fn way_out(flag: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable if flag == "--validating-webhook" => {
            format!("this machine does not have the address; pass one that it has with {flag}")
        }
        io::ErrorKind::AddrInUse => format!("stop what listens there, or pass another port with {flag}"),
        io::ErrorKind::PermissionDenied => {
            let port = if flag == "--https-port" { 8443 } else { 8080 };
            format!("ports below 1024 need the capability NET_BIND_SERVICE; or pass another with {flag}={port}")
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; pass one that it has with --bind-address or --healthz-host".into()
        }
        _ => format!("pass another address with --bind-address or --healthz-host, or another port with {flag}"),
    }
}
