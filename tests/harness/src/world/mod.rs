//! What a scenario of the cluster needs: an API server (that of the tests, or a real one), a namespace and a class of its own, endpoints
//! that may be reached, and controllers that serve what is there.

mod lines;
mod objects;
mod port;
mod program;
mod replica;
mod roles;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ingress_controller::{Pod, RunConfig};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api_server::ApiServer;
use crate::{Gate, Upstream};

pub use lines::Lines;
pub use port::ReservedPort;
pub use program::{Program, ask};
pub use replica::{Replica, describe};

/// What a scenario needs. What it makes is told apart by [`name`](Self::name) from what others make at the same server.
pub struct World {
    server: Option<ApiServer>,
    client: kube::Client,
    folder: TempDir,
    kubeconfig: PathBuf,
    name: String,
    ip: IpAddr,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("name", &self.name).finish_non_exhaustive()
    }
}

impl World {
    /// One with an API server of its own.
    pub async fn in_memory() -> Self {
        Self::in_memory_at(Ipv4Addr::LOCALHOST.into()).await
    }

    /// One with an API server of its own, and endpoints at an address of this machine that is none of loopback: the program takes no others
    /// from an API server. `None` if this machine has no such address.
    pub async fn in_memory_for_program() -> Option<Self> {
        match own_address() {
            Some(ip) => Some(Self::in_memory_at(ip).await),
            None => None,
        }
    }

    async fn in_memory_at(ip: IpAddr) -> Self {
        let server = ApiServer::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kubeconfig = server.kubeconfig(folder.path());
        let client = server.client();
        let world = Self { server: Some(server), client, folder, kubeconfig, name: unique(), ip };
        world.begin().await;
        world
    }

    /// One at the API server that `KUBECONFIG` leads to, whose user may do everything. `ENDPOINT_ADDRESS` is an address of this machine
    /// that endpoints may have; none of loopback, which API servers refuse.
    ///
    /// # Panics
    /// If one of the two is not set, or leads nowhere.
    pub async fn real() -> Self {
        let var = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| panic!("set {name}, as CONTRIBUTING.md says"))
        };
        let (kubeconfig, ip) = (PathBuf::from(var("KUBECONFIG")), var("ENDPOINT_ADDRESS"));
        Self::at(kubeconfig, ip.parse().expect("ENDPOINT_ADDRESS to be an address")).await
    }

    /// One at the API server that a kubeconfig leads to, with endpoints at this address.
    ///
    /// # Panics
    /// If it leads nowhere.
    pub async fn at(kubeconfig: PathBuf, ip: IpAddr) -> Self {
        let read = Kubeconfig::read_from(&kubeconfig).expect("a kubeconfig");
        let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        let client = kube::Client::try_from(config.expect("a kubeconfig")).expect("a client");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self { server: None, client, folder, kubeconfig, name: unique(), ip };
        world.begin().await;
        world
    }

    async fn begin(&self) {
        self.put(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.name } }))
            .await;
        self.put_class(&self.name, &self.controller_class()).await;
    }

    /// The name of the namespace, of the IngressClass and of the Lease.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the controllers of this world are called in an IngressClass.
    pub fn controller_class(&self) -> String {
        format!("{}.test/controller", self.name)
    }

    /// The API server of the tests, for its faults.
    ///
    /// # Panics
    /// If it is a real one.
    pub fn server(&self) -> &ApiServer {
        self.server.as_ref().expect("a scenario for the API server of the tests")
    }

    /// Where things may be written to.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig of somebody who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A well-behaved upstream at an address that endpoints may have; see [`Upstream::named`].
    pub async fn upstream(&self, name: &str) -> Upstream {
        Upstream::named_at(self.ip, name).await
    }

    /// An upstream that never answers; see [`Upstream::stalling`].
    pub async fn stalling(&self) -> Upstream {
        Upstream::stalling_at(self.ip).await
    }

    /// An upstream that waits in the middle of its answer; see [`Upstream::in_two_parts`].
    pub async fn in_two_parts(&self) -> (Upstream, Gate) {
        Upstream::in_two_parts_at(self.ip).await
    }

    /// A controller in no pod, for the class of this world: it leads nobody and writes no status.
    pub fn config(&self) -> RunConfig {
        let mut config = RunConfig::cluster(self.kubeconfig.clone(), (Ipv4Addr::LOCALHOST, 0).into());
        config.options.controller_class = self.controller_class();
        config.options.ingress_class.clone_from(&self.name);
        config.options.local_endpoints = self.ip.is_loopback();
        config.workers = NonZeroUsize::new(2);
        config.status.update = false;
        config.status.election.enabled = false;
        config
    }

    /// A controller in a pod of this name, which wants to lead, and writes `address` into the status.
    pub fn config_in_pod(&self, pod: &str, address: &str) -> RunConfig {
        let mut config = self.config();
        config.pod = Some(Pod { namespace: self.name.clone(), name: pod.to_owned() });
        config.status.update = true;
        config.status.election.enabled = true;
        config.status.election.id.clone_from(&self.name);
        let address = ingress_controller::Address::Ip(address.parse().expect("an address"));
        config.status.publish = ingress_controller::Publish::Addresses(vec![address]);
        config
    }

    /// Starts [`config`](Self::config).
    pub async fn controller(&self) -> Replica {
        Replica::start(self.config()).await
    }

    /// What the program answers for an upstream of this world: it takes no endpoints on loopback.
    pub fn status_by_program(&self) -> u16 {
        if self.ip.is_loopback() { 503 } else { 200 }
    }

    /// The flags of the program for the class of this world, on free ports.
    pub fn flags(&self) -> Vec<String> {
        [
            format!("--controller-class={}", self.controller_class()),
            format!("--ingress-class={}", self.name),
            format!("--election-id={}", self.name),
            "--bind-address=127.0.0.1".into(),
            "--http-port=0".into(),
            "--https-port=0".into(),
            "--healthz-host=127.0.0.1".into(),
            "--healthz-port=0".into(),
            "--post-shutdown-grace-period=0".into(),
        ]
        .into()
    }

    /// Waits until `look` finds what it looks for, asking again and again.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`].
    #[track_caller]
    pub fn until<T>(
        &self,
        what: impl std::fmt::Display,
        look: impl AsyncFn() -> Option<T>,
    ) -> impl Future<Output = T> {
        crate::until(what, look)
    }

    /// Waits until an object is as wanted, and gives it.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`].
    #[track_caller]
    pub fn until_object(
        &self,
        kind: &str,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        let what = format!("{kind} {name} to be as wanted");
        self.until(what, async move || self.get(kind, name).await.filter(|object| wanted(object)))
    }
}

/// An address of this machine that is none of loopback, if it has one.
pub fn own_address() -> Option<IpAddr> {
    // Nothing is sent: this only asks from which address it would be.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then_some(ip)
}

/// A name that nothing else has at the same server.
fn unique() -> String {
    format!("suite-{:08x}", rand::random::<u32>())
}
