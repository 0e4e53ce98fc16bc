//! Composes the parts: source, control, proxy, what is told to the cluster and to whoever asks, and takes them down in order.

mod control;
mod prepare;
mod thread;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingress_core::{Options, Verdict};
use ingress_proxy::access_log::AccessLog;
use ingress_proxy::{Drained, Running};
use k8s_openapi::api::networking::v1::Ingress;
use tokio::sync::{mpsc, oneshot, watch};

use crate::admin::{Admin, Health, Site};
use crate::admission::Webhook;
use crate::config::{ClusterConfig, RunConfig, Source, WebhookConfig};
use crate::control::{Published, now};
use crate::error::Error;
use crate::metrics::{Metrics, Names};
use crate::source::kube::{Reader, connect};
use crate::status;
use prepare::prepare;
use thread::spawn;

/// How long the last words to the cluster may take when we stop.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How long the last lines of the access log may take.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Starts controllers. Each has threads of its own and touches nothing that belongs to the process: no signals, no logger.
#[derive(Debug)]
pub struct Controller;

impl Controller {
    /// Reads the objects, compiles them, and then serves: from the first connection on, everything that the sources hold is there. Waits
    /// for an API server as long as it takes. If the future is dropped, what has begun ends.
    ///
    /// # Errors
    /// [`Error`] if something in `config` cannot be used; then nothing is left running.
    pub async fn start(config: RunConfig) -> Result<RunningController, Error> {
        check(&config)?;
        let health = Arc::new(Health::default());
        let metrics = Metrics::new(config.metrics.clone(), Names::of(&config));
        let admin = Admin::bind(config.healthz)?;
        let healthz = admin.address();
        let webhook = bind_webhook(&config)?;
        let webhook_address = webhook.as_ref().map(Webhook::address);
        let config = prepare(config, [healthz].into_iter().chain(webhook_address))?;
        let (stop, stopped) = watch::channel(());
        let (thread, ended) = mpsc::channel(1);

        let site = Site {
            health_check_path: config.health_check_path.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
        };
        let ends = stopped.clone();
        spawn("health check thread", thread.clone(), move || admin.run(site, ends)).await?;

        let (published, receiver) = watch::channel(Arc::default());
        let (started, start) = oneshot::channel();
        let task = {
            let (config, stopped) = (config.clone(), stopped.clone());
            let parts = control::Parts { health: health.clone(), metrics: metrics.clone(), healthz };
            move || control::run(config, parts, published, started, stopped)
        };
        spawn("control thread", thread.clone(), task).await?;
        let control::Started { server, log, reader } = start.await.map_err(|_| Error::Ended)??;

        let mut end_status = None;
        if let (Source::Cluster(cluster), Some(reader)) = (&config.source, reader) {
            if let Some(webhook) = webhook {
                let (judge, metrics) = (judge(reader.clone(), config.options.clone()), metrics.clone());
                let task = move || webhook.run(judge, metrics, stopped);
                spawn("webhook thread", thread.clone(), task).await?;
            }
            let (end, ends) = watch::channel(());
            let (done, is_done) = oneshot::channel::<()>();
            let (config, cluster, published) = (config.clone(), cluster.clone(), receiver.clone());
            let task = move || async move {
                tell_cluster(&config, &cluster, reader, published, &metrics, ends).await;
                drop(done);
            };
            spawn("status thread", thread, task).await?;
            end_status = Some((end, is_done));
        }
        Ok(RunningController {
            server,
            log,
            healthz,
            webhook: webhook_address,
            health,
            published: receiver,
            grace: config.shutdown_grace_period,
            post_grace: config.post_shutdown_grace_period,
            end_status,
            _stop: stop,
            ended,
        })
    }
}

fn bind_webhook(config: &RunConfig) -> Result<Option<Webhook>, Error> {
    let bind = |config: &WebhookConfig| Webhook::bind(config.address, &config.certificate, &config.key);
    config.webhook.as_ref().map(bind).transpose()
}

fn check(config: &RunConfig) -> Result<(), Error> {
    if let Source::Manifests(manifests) = &config.source {
        for path in manifests {
            if let Err(source) = std::fs::metadata(path) {
                return Err(Error::Manifests { path: path.clone(), source });
            }
        }
    }
    if config.http.is_empty() {
        return Err(Error::NoAddress);
    }
    // They are listened on when there is something to serve; that they are taken is to be said at once.
    let all = [("--http-port", &config.http), ("--https-port", &config.https)];
    let all =
        all.into_iter().flat_map(|(flag, addresses)| addresses.iter().map(move |address| (flag, *address)));
    for (flag, address) in all.filter(|(_, address)| address.port() != 0) {
        let listen = std::net::TcpListener::bind(address);
        listen.map_err(|source| Error::Listen { flag, address, source })?;
    }
    Ok(())
}

/// What the webhook says of a candidate: what the compile would, at this moment.
fn judge(reader: Reader, options: Options) -> impl Fn(&Ingress) -> Verdict {
    move |candidate| {
        let mut objects = reader.objects();
        objects.now = now();
        ingress_core::admit(&objects, &options, candidate)
    }
}

/// What the status thread does from beginning to end.
async fn tell_cluster(
    config: &RunConfig,
    cluster: &ClusterConfig,
    reader: Reader,
    published: watch::Receiver<Arc<Published>>,
    metrics: &Metrics,
    ends: watch::Receiver<()>,
) {
    // A client belongs to the runtime that it was made in.
    let client = match connect(cluster).await {
        Ok(client) => client,
        Err(error) => return tracing::error!("no status and no events are written: {error}"),
    };
    let (leads, mut leading) = watch::channel(false);
    let report = async {
        loop {
            metrics.leads(*leading.borrow_and_update());
            if leading.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::join!(status::run(config.clone(), client, reader, published, leads, ends), report);
}

/// A controller that serves. Dropping it stops it at once.
#[derive(Debug)]
#[must_use = "dropping it stops it"]
pub struct RunningController {
    server: Running,
    log: Option<AccessLog>,
    healthz: SocketAddr,
    webhook: Option<SocketAddr>,
    health: Arc<Health>,
    published: watch::Receiver<Arc<Published>>,
    grace: Duration,
    post_grace: Duration,
    /// Ends what is told to the cluster, and is told when that has ended.
    end_status: Option<(watch::Sender<()>, oneshot::Receiver<()>)>,
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

    /// Where HTTPS is served, in the order of the configuration, with the real ports.
    pub fn https_addresses(&self) -> &[SocketAddr] {
        self.server.tls_addresses()
    }

    /// Where health check and metrics are served.
    pub fn healthz_address(&self) -> SocketAddr {
        self.healthz
    }

    /// Where the admission webhook is served, if it is.
    pub fn webhook_address(&self) -> Option<SocketAddr> {
        self.webhook
    }

    /// What is served, and later each change of it: when a value is seen here, it is live.
    pub fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.published.clone()
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// How long a drain may take, as the ConfigMap says now (`worker-shutdown-timeout`, 240 s).
    pub fn worker_shutdown_timeout(&self) -> Duration {
        self.published.borrow().global.worker_shutdown_timeout
    }

    /// Stops in order: the health check fails (at once, even before the future is polled), the grace period passes; then the lease is given
    /// up and, where that is asked for, the status emptied, while nothing new is accepted, running requests end, and what is left after
    /// `timeout` is cut. To be awaited in a tokio runtime with a timer.
    pub fn drain(self, timeout: Duration) -> impl Future<Output = Drained> + Send {
        let Self { server, log, health, grace, post_grace, end_status, _stop: stop, mut ended, .. } = self;
        health.set_serving(false);
        async move {
            tokio::time::sleep(grace).await;
            let status_ends = async {
                if let Some((end, is_done)) = end_status {
                    drop(end);
                    if tokio::time::timeout(LAST_WORDS, is_done).await.is_err() {
                        tracing::warn!("the API server does not answer: the lease is left to expire");
                    }
                }
            };
            let (drained, ()) = tokio::join!(server.drain(timeout), status_ends);
            if let Some(log) = log {
                // Its thread may have to wait for whoever reads it.
                let _ = tokio::task::spawn_blocking(move || log.flush(LAST_LINES)).await;
            }
            tokio::time::sleep(post_grace).await;
            drop(stop);
            // All threads have dropped their end when this returns; one that waits for the API server is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, ended.recv()).await;
            drained
        }
    }
}
