//! Composes the parts: source, control, proxy and health check, and takes them down in order.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::Snapshot;
use ingress_proxy::{Drained, Publisher, Running, Server, ServerError, Subscriber, channel};
use tokio::sync::{mpsc, oneshot, watch};

use crate::admin::{Admin, Health, Site};
use crate::config::RunConfig;
use crate::control::{Control, Published};
use crate::error::Error;
use crate::metrics::{Metrics, MetricsConfig};
use crate::source::manifests::Manifests;

/// Starts controllers. Each has threads of its own and touches nothing that belongs to the process: no signals, no logger.
#[derive(Debug)]
pub struct Controller;

impl Controller {
    /// Reads the objects, compiles them, and then serves: from the first connection on, everything that the sources hold is there.
    ///
    /// # Errors
    /// [`Error`] if something in `config` cannot be used; then nothing is left running.
    pub async fn start(config: RunConfig) -> Result<RunningController, Error> {
        for path in &config.manifests {
            if let Err(source) = std::fs::metadata(path) {
                return Err(Error::Manifests { path: path.clone(), source });
            }
        }
        if config.http.is_empty() {
            return Err(Error::NoAddress);
        }
        let grace = config.shutdown_grace_period;
        let health = Arc::new(Health::default());
        let admin = Admin::bind(config.healthz)?;
        let healthz = admin.address();
        let (stop, stopped) = watch::channel(());
        let (thread, ended) = mpsc::channel(1);

        let site = Site {
            health_check_path: config.health_check_path.clone(),
            health: health.clone(),
            metrics: Metrics::new(MetricsConfig::default()),
        };
        let task = {
            let stopped = stopped.clone();
            move || async move { admin.run(site, stopped).await }
        };
        spawn("health check thread", thread.clone(), task).await?;

        let (published, receiver) = watch::channel(Arc::default());
        let (started, start) = oneshot::channel();
        let begin = Begin { config, healthz, health: health.clone(), published, started };
        spawn("control thread", thread, move || control(begin, stopped)).await?;
        let server = start.await.map_err(|_| Error::Ended)??;
        Ok(RunningController { server, healthz, health, published: receiver, grace, _stop: stop, ended })
    }
}

struct Begin {
    config: RunConfig,
    healthz: SocketAddr,
    health: Arc<Health>,
    published: watch::Sender<Arc<Published>>,
    started: oneshot::Sender<Result<Running, Error>>,
}

/// What the control thread does from beginning to end.
async fn control(begin: Begin, stopped: watch::Receiver<()>) {
    let Begin { config, healthz, health, published, started } = begin;
    let _alive = health.alive();
    let (publisher, subscriber): (Publisher, Subscriber) = channel(Snapshot::default());
    let source = Manifests::new(&config.manifests);
    let mut control = Control::new(source, config.options.clone(), publisher, published);
    control.begin();
    let server = match serve(&config, subscriber) {
        Ok(server) => server,
        Err(error) => return drop(started.send(Err(error))),
    };
    health.set_serving(true);
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(
        "serving HTTP on {}, health check on http://{healthz}{}",
        addresses.join(" and "),
        config.health_check_path
    );
    control.log_all();
    if started.send(Ok(server)).is_ok() {
        control.run(stopped).await;
    }
}

fn serve(config: &RunConfig, subscriber: Subscriber) -> Result<Running, Error> {
    let mut proxy = config.proxy.clone();
    // Where no Ingress names the host, the health path is answered on the traffic ports too, as ingress-nginx does.
    proxy.health_check_path = Some(config.health_check_path.clone());
    proxy.local_endpoints = config.options.local_endpoints;
    let mut server = Server::new(subscriber, proxy);
    for address in &config.http {
        server = server.listen(*address);
    }
    if let Some(workers) = config.workers {
        server = server.workers(workers);
    }
    server.start().map_err(|error| match error {
        ServerError::Listen { address, source } => Error::Listen { flag: "--http-port", address, source },
        ServerError::Worker(source) => Error::System { part: "workers", source },
        other => Error::System { part: "proxy", source: std::io::Error::other(other) },
    })
}

/// Runs a task on a thread with a runtime of its own. `thread` is dropped when it ends.
async fn spawn<F, T>(part: &'static str, thread: mpsc::Sender<()>, task: F) -> Result<(), Error>
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = ()>,
{
    let (built, is_built) = oneshot::channel();
    let body = move || {
        let _thread = thread;
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                if built.send(Ok(())).is_ok() {
                    runtime.block_on(task());
                }
            }
            Err(error) => drop(built.send(Err(error))),
        }
    };
    let name = part.trim_end_matches(" thread").replace(' ', "-");
    let result = match std::thread::Builder::new().name(name).spawn(body) {
        Ok(_) => is_built.await.map_err(|_| Error::Ended)?,
        Err(error) => Err(error),
    };
    result.map_err(|source| Error::System { part, source })
}

/// A controller that serves. Dropping it stops it at once.
#[derive(Debug)]
#[must_use = "dropping it stops it"]
pub struct RunningController {
    server: Running,
    healthz: SocketAddr,
    health: Arc<Health>,
    published: watch::Receiver<Arc<Published>>,
    grace: Duration,
    /// Dropping it ends the threads.
    _stop: watch::Sender<()>,
    /// Closed when the threads have ended.
    ended: mpsc::Receiver<()>,
}

impl RunningController {
    /// Where HTTP is served, in the order of the configuration, with the real ports.
    pub fn http_addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// Where the health check is served.
    pub fn healthz_address(&self) -> SocketAddr {
        self.healthz
    }

    /// What is served, and later each change of it: when a value is seen here, it is live.
    pub fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.published.clone()
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops in order: the health check fails (at once, even before the future is polled), the grace period passes, nothing new is
    /// accepted, running requests end, and what is left after `timeout` is cut. To be awaited in a tokio runtime with a timer.
    pub fn drain(self, timeout: Duration) -> impl Future<Output = Drained> + Send {
        let Self { server, health, grace, _stop: stop, mut ended, .. } = self;
        health.set_serving(false);
        async move {
            tokio::time::sleep(grace).await;
            let drained = server.drain(timeout).await;
            drop(stop);
            // Both threads have dropped their end when this returns.
            let _ = ended.recv().await;
            drained
        }
    }
}
