//! The program itself, in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ingress_controller::args::Args;
use ingress_controller::{AccessLogSink, Controller, RunConfig, RunningController};
use ingress_core::{Options, Settings, Snapshot, compile};
use ingress_proxy::{Config, Counts, Drained, Publisher, Running, Server, channel};

use crate::{Answer, Client, DEADLINE, Manifests, Upstream, within};

/// What serves on loopback. It stops when it is dropped.
#[derive(Debug)]
pub struct Harness {
    address: SocketAddr,
    https: Option<SocketAddr>,
    control: Control,
}

#[derive(Debug)]
enum Control {
    /// The proxy alone.
    Direct { publisher: Publisher, running: Running },
    /// The controller, and the files that it watches.
    Files { files: Files, controller: RunningController },
}

/// Serves these objects with the proxy alone: compiled, then published, without files and without the controller.
pub async fn serve(manifests: &Manifests) -> Harness {
    serve_with(manifests, Config::default()).await
}

/// As [`serve`], with settings.
pub async fn serve_with(manifests: &Manifests, config: Config) -> Harness {
    serve_snapshot(snapshot(manifests), config).await
}

/// As [`serve`], with settings of the snapshot.
pub async fn serve_set(manifests: &Manifests, settings: Settings) -> Harness {
    serve_snapshot(snapshot(manifests).with_settings(settings), Config::default()).await
}

/// What these objects compile to.
pub fn snapshot(manifests: &Manifests) -> Snapshot {
    compile(&manifests.objects(), &options()).snapshot
}

fn options() -> Options {
    let mut options = Options::default();
    (options.watch_ingress_without_class, options.ingress_class_by_name) = (true, true);
    options.local_endpoints = true;
    options
}

/// Serves the host `a.test` from one upstream.
pub async fn serve_one(upstream: &Upstream, config: Config) -> Harness {
    serve_with(&one(upstream), config).await
}

/// An Ingress for all paths of `a.test` with one upstream.
pub fn one(upstream: &Upstream) -> Manifests {
    Manifests::new().ingress("one").host("a.test").prefix("/", "one", 80).service("one", [upstream])
}

/// Serves a snapshot made by hand.
///
/// # Panics
/// If the proxy does not start.
pub async fn serve_snapshot(snapshot: Snapshot, config: Config) -> Harness {
    serve_configured(snapshot, config, |server| server).await
}

/// As [`serve_snapshot`], with more that is set at the server.
///
/// # Panics
/// If the proxy does not start.
pub async fn serve_configured(
    snapshot: Snapshot,
    config: Config,
    configure: impl FnOnce(Server) -> Server,
) -> Harness {
    let (publisher, subscriber) = channel(snapshot);
    let server = Server::new(subscriber, config)
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .workers(NonZeroUsize::new(2).unwrap());
    let running = configure(server).start().expect("a proxy on a free port");
    let address = running.addresses()[0];
    Harness { address, https: None, control: Control::Direct { publisher, running } }
}

/// Runs the controller on these objects, written to files, and waits until they are served.
pub async fn start(manifests: &Manifests) -> Harness {
    start_with(manifests, &[]).await
}

/// As [`start`], with more flags.
///
/// # Panics
/// If the controller does not start.
pub async fn start_with(manifests: &Manifests, flags: &[&str]) -> Harness {
    let mut files = Files::new();
    files.write(manifests);
    let folder = format!("--manifests={}", files.folder().display());
    let ours = [
        "controller",
        &folder,
        "--bind-address=127.0.0.1",
        "--http-port=0",
        "--https-port=0",
        "--healthz-host=127.0.0.1",
        "--healthz-port=0",
    ];
    let args = Args::read(ours.iter().chain(flags)).expect("flags that are understood");
    let mut config = RunConfig::from_args(&args).expect("flags that go together");
    // Standard output is for what the tests have to say.
    config.access_log = AccessLogSink::None;
    config.workers = NonZeroUsize::new(2);
    let controller =
        within("the controller to start", Controller::start(config)).await.expect("a controller");
    let address = controller.http_addresses()[0];
    let https = controller.https_addresses().first().copied();
    Harness { address, https, control: Control::Files { files, controller } }
}

impl Harness {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for HTTPS.
    ///
    /// # Panics
    /// If it does not: without the controller.
    pub fn https(&self) -> SocketAddr {
        self.https.expect("a controller, which serves HTTPS")
    }

    /// What the compile has to say, one finding each.
    ///
    /// # Panics
    /// If this is the proxy alone.
    pub fn findings(&self) -> Vec<String> {
        match &self.control {
            Control::Direct { .. } => panic!("findings of a proxy: start the controller"),
            Control::Files { controller, .. } => {
                controller.published().borrow().report.findings.iter().map(ToString::to_string).collect()
            }
        }
    }

    /// The finding with all these texts.
    ///
    /// # Panics
    /// If there is none or several.
    #[track_caller]
    pub fn finding(&self, texts: &[&str]) -> String {
        let all = self.findings();
        let with = |finding: &&String| texts.iter().all(|text| finding.contains(text));
        let found: Vec<_> = all.iter().filter(with).collect();
        assert_eq!(found.len(), 1, "findings with {texts:?} among {all:#?}");
        found[0].clone()
    }

    /// Replaces all objects and waits until the new ones are served.
    pub async fn update(&mut self, manifests: &Manifests) {
        self.write(manifests);
        if let Control::Files { files, controller } = &self.control {
            let marker = files.marker();
            let mut published = controller.published();
            let seen =
                published.wait_for(|now| now.report.skipped.iter().any(|left| left.object.name == marker));
            let _ = within("a change of files to be served", seen).await.expect("a controller that runs");
        }
    }

    /// Replaces all objects and does not wait.
    pub fn write(&mut self, manifests: &Manifests) {
        match &mut self.control {
            Control::Direct { publisher, .. } => {
                let settings = publisher.current().settings.clone();
                publisher.publish(snapshot(manifests).with_settings(settings));
            }
            Control::Files { files, .. } => files.write(manifests),
        }
    }

    /// Replaces the settings.
    ///
    /// # Panics
    /// If the controller runs: there it decides them.
    pub fn set(&self, settings: Settings) {
        match &self.control {
            Control::Direct { publisher, .. } => {
                publisher.publish(Snapshot::clone(&publisher.current()).with_settings(settings));
            }
            Control::Files { .. } => panic!("settings of a controller: change its objects"),
        }
    }

    /// What the workers have counted.
    ///
    /// # Panics
    /// If the controller runs: it keeps them to itself.
    pub fn counts(&self) -> Counts {
        match &self.control {
            Control::Direct { running, .. } => running.counts(),
            Control::Files { .. } => panic!("counts of a controller: ask for its metrics"),
        }
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        match &self.control {
            Control::Direct { running, .. } => running.connections(),
            Control::Files { controller, .. } => controller.connections(),
        }
    }

    /// Stops accepting and lets running requests end; what is left after `timeout` is cut.
    pub async fn drain(self, timeout: Duration) -> Drained {
        assert!(timeout < DEADLINE, "a drain that takes longer than a test waits");
        match self.control {
            Control::Direct { running, .. } => within("a drain", running.drain(timeout)).await,
            Control::Files { controller, .. } => within("a drain", controller.drain(timeout)).await,
        }
    }

    /// Opens a connection.
    pub async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends these bytes on a connection of their own and reads the answer.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let bytes = bytes.as_ref();
        let method = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
        let method = String::from_utf8_lossy(method).into_owned();
        let mut client = self.connect().await;
        // A request that is refused while it is still being sent is answered all the same.
        let _ = client.try_send(bytes).await;
        client.answer_to(&method).await
    }

    /// GETs a path of a host on a connection of its own.
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
    }
}

/// The files of a controller, and a folder beside them from which they are moved into place: nobody sees one half-written.
#[derive(Debug)]
struct Files {
    root: tempfile::TempDir,
    generation: usize,
}

impl Files {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let files = Self { root, generation: 0 };
        for folder in [files.folder(), files.staging()] {
            std::fs::create_dir(folder).expect("a folder");
        }
        files
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("manifests")
    }

    fn staging(&self) -> PathBuf {
        self.root.path().join("staging")
    }

    /// The name of an Ingress that nobody serves. When the controller says that it leaves it alone, it has read all that was written before.
    fn marker(&self) -> String {
        format!("generation-{}", self.generation)
    }

    fn write(&mut self, manifests: &Manifests) {
        self.generation += 1;
        let marker =
            Manifests::new().ingress(&self.marker()).class("nobody").host("").prefix("/", "nowhere", 80);
        let mut files = manifests.files();
        files.extend(marker.files().into_iter().map(|(_, text)| ("zz-marker.yaml".to_owned(), text)));
        for entry in std::fs::read_dir(self.folder()).expect("the folder").flatten() {
            if !files.iter().any(|(name, _)| entry.file_name() == name.as_str()) {
                std::fs::remove_file(entry.path()).expect("a file to remove");
            }
        }
        for (name, text) in files {
            let staged = self.staging().join(&name);
            std::fs::write(&staged, text).expect("a file to write");
            std::fs::rename(staged, self.folder().join(name)).expect("a file to move");
        }
    }
}
