//! The server on its own thread and runtime, so that a test that blocks does not stall it, and the handle for tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::access::Access;
use super::faults::Faults;
use super::kinds::Kind;
use super::listen::{bind, serve};
use super::object::{Key, meta, sound};
use super::record::WriteRecord;
use super::shared::Shared;
use super::store::Store;
use super::webhook::Webhook;
use super::write::{count_generation, stamp};
use crate::within;

/// An API server in this process, on a free loopback port. Clones are the same server; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    _running: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    stop: Mutex<Option<oneshot::Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.lock().unwrap().take());
        if let Some(thread) = self.thread.lock().unwrap().take() {
            let _ = thread.join();
        }
    }
}

impl ApiServer {
    /// Starts one without any objects.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        Self::start_at(0).expect("a free port")
    }

    /// Starts one on this port; 0 is a free one.
    ///
    /// # Errors
    /// If the port or a thread cannot be had.
    pub fn start_at(port: u16) -> io::Result<Self> {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        // Connections wait from now on, even if the thread is not there yet.
        socket.listen(1024)?;
        let shared = Arc::new(Shared::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let thread = std::thread::Builder::new().name("api-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(serving, address, socket) => {}
                    _ = stopped => {}
                }
            });
        })?;
        let running = Running { stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) };
        Ok(Self { shared, address, _running: Arc::new(running) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig for it, as text. `user` is the bearer token and the user's name; without it there is no token.
    pub fn kubeconfig_text(&self, user: &str) -> String {
        let token = if user.is_empty() { json!({}) } else { json!({ "token": user }) };
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": { "server": self.url() } }],
            "users": [{ "name": "test", "user": token }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "current-context": "test",
        });
        format!("{config:#}\n")
    }

    /// Writes a kubeconfig without a user into `dir`.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn kubeconfig(&self, dir: &Path) -> PathBuf {
        self.kubeconfig_as(dir, "")
    }

    /// Writes a kubeconfig for this user into `dir`. kube sends the token; `kubectl` sends none without TLS.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn kubeconfig_as(&self, dir: &Path, user: &str) -> PathBuf {
        let name = if user.is_empty() { "kubeconfig".to_owned() } else { format!("kubeconfig-{user}") };
        let path = dir.join(name);
        std::fs::write(&path, self.kubeconfig_text(user)).expect("a kubeconfig that can be written");
        path
    }

    /// A client without a user. Must be called inside a tokio runtime.
    ///
    /// # Panics
    /// If kube refuses the address.
    pub fn client(&self) -> kube::Client {
        self.client_as("")
    }

    /// A client with this bearer token. Must be called inside a tokio runtime.
    ///
    /// # Panics
    /// If kube refuses the address.
    pub fn client_as(&self, user: &str) -> kube::Client {
        let mut config = kube::Config::new(self.url().parse().expect("a URL"));
        if !user.is_empty() {
            config.auth_info.token = Some(user.to_owned().into());
        }
        kube::Client::try_from(config).expect("a client")
    }

    /// Stores an object, whether it is there or not, as the cluster's other parts would: status, creation time and uid are taken as they
    /// are given. The namespace is `default` if none is given.
    /// No permission is needed, no webhook is asked, and it is not in [`ApiServer::writes`].
    ///
    /// # Panics
    /// If it is of a kind that the server does not know, or malformed.
    #[track_caller]
    pub fn put(&self, object: impl Serialize) {
        self.put_all([object]);
    }

    /// Stores many objects at once; watches get to see them together.
    ///
    /// # Panics
    /// If one is of a kind that the server does not know, or malformed.
    #[track_caller]
    pub fn put_all<T: Serialize>(&self, objects: impl IntoIterator<Item = T>) {
        let objects: Vec<_> = objects.into_iter().map(|object| seed(&object)).collect();
        self.shared.change(|store| {
            for (kind, key, object) in objects {
                put(store, kind, key, object);
            }
        });
    }

    /// Stores the documents of a YAML text, as [`ApiServer::put`] does.
    ///
    /// # Panics
    /// If it is malformed or has a kind that the server does not know.
    #[track_caller]
    pub fn put_yaml(&self, yaml: &str) {
        let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("YAML");
        self.put_all(documents.into_iter().filter(|document| !document.is_null()));
    }

    /// Deletes an object, and says whether it was there. `name` is `namespace/name`, or a name in `default` or of a kind of the cluster.
    ///
    /// # Panics
    /// If there is no such plural.
    #[track_caller]
    pub fn delete(&self, plural: &str, name: &str) -> bool {
        let (kind, key) = locate(plural, name);
        self.shared.change(|store| {
            let there = store.get(kind, &key).is_some();
            if there {
                store.write(kind, key, None);
            }
            there
        })
    }

    /// An object as it is now, named as for [`ApiServer::delete`].
    ///
    /// # Panics
    /// If there is no such plural.
    #[track_caller]
    pub fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let (kind, key) = locate(plural, name);
        self.shared.read(|store| store.get(kind, &key)).map(|stored| stored.value())
    }

    /// All objects of a plural, in all namespaces.
    ///
    /// # Panics
    /// If there is no such plural.
    #[track_caller]
    pub fn list(&self, plural: &str) -> Vec<Value> {
        let (kind, _) = locate(plural, "");
        let objects: Vec<_> = self.shared.read(|store| store.all(kind).cloned().collect());
        objects.iter().map(|stored| stored.value()).collect()
    }

    /// Asks this webhook about every Ingress that is created or updated. `ca` is PEM; whoever cannot be asked refuses.
    pub fn register_webhook(&self, name: &str, url: &str, ca: &[u8]) {
        self.shared.webhooks.lock().unwrap().push(Webhook::new(name, url, ca));
    }

    /// What can be made to go wrong.
    pub fn faults(&self) -> Faults {
        Faults::new(self.shared.clone())
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.shared.access
    }

    /// How many requests with this verb came for this resource, refused ones included; `*` stands for all. The subresource counts apart, as
    /// in `ingresses/status`.
    pub fn requests(&self, verb: &str, resource: &str) -> usize {
        self.shared.record.requests(verb, resource)
    }

    /// How many watches of this plural are open.
    pub fn watching(&self, plural: &str) -> usize {
        self.shared.record.watching(plural)
    }

    /// The writes that clients made, in order.
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.shared.record.writes()
    }

    /// Forgets the counts of requests and the writes so far.
    pub fn clear_record(&self) {
        self.shared.record.clear();
    }

    /// Waits until `true_of` holds, looking again after each request, write, and opened or closed watch.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`].
    #[track_caller]
    pub fn until(
        &self,
        what: impl std::fmt::Display,
        true_of: impl Fn(&Self) -> bool,
    ) -> impl Future<Output = ()> {
        within(what, async move {
            let mut changes = self.shared.record.changes();
            while !true_of(self) {
                let _ = changes.changed().await;
            }
        })
    }
}

type Seed = (&'static Kind, Key, Value);

#[track_caller]
fn seed(object: &impl Serialize) -> Seed {
    let object = serde_json::to_value(object).expect("an object that is JSON");
    let kind = Kind::of(&object).unwrap_or_else(|failure| panic!("{}", failure.message));
    let object = sound(object).unwrap_or_else(|failure| panic!("{}", failure.message));
    let namespace = match meta(&object, "namespace") {
        _ if !kind.namespaced() => "",
        "" => "default",
        namespace => namespace,
    };
    let key = (namespace.to_owned(), meta(&object, "name").to_owned());
    assert!(!key.1.is_empty(), "an object needs a name: {object}");
    (kind, key, object)
}

fn put(store: &mut Store, kind: &'static Kind, key: Key, mut object: Value) {
    if let Some(current) = store.get(kind, &key) {
        let current = current.value();
        for name in ["uid", "creationTimestamp", "generation"] {
            if object["metadata"][name].is_null() {
                object["metadata"][name] = current["metadata"][name].clone();
            }
        }
        stamp(kind, &key, &mut object);
        count_generation(kind, &current, &mut object);
    } else {
        stamp(kind, &key, &mut object);
    }
    store.write(kind, key, Some(object));
}

#[track_caller]
fn locate(plural: &str, name: &str) -> (&'static Kind, Key) {
    let kind = Kind::plural(plural).unwrap_or_else(|| panic!("the server has no {plural}"));
    let (namespace, name) =
        name.split_once('/').unwrap_or((if kind.namespaced() { "default" } else { "" }, name));
    (kind, (namespace.to_owned(), name.to_owned()))
}
