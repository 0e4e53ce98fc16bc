//! What the control thread does from beginning to end.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ingress_core::{Global, Snapshot};
use ingress_proxy::access_log::AccessLog;
use ingress_proxy::{Observer, Publisher, Running, Server, ServerError, Subscriber, channel};
use tokio::sync::{oneshot, watch};

use crate::admin::Health;
use crate::config::{RunConfig, Source};
use crate::control::{Control, Published};
use crate::error::Error;
use crate::metrics::{Metrics, Sources};
use crate::source;
use crate::source::kube::{Cluster, Reader, connect};
use crate::source::manifests::Manifests;

/// What it shares with other threads.
pub(super) struct Parts {
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) healthz: SocketAddr,
}

/// What it says when everything is served.
pub(super) struct Started {
    pub(super) server: Running,
    /// Where its requests are logged.
    pub(super) log: Option<AccessLog>,
    /// Reads the objects of a cluster.
    pub(super) reader: Option<Reader>,
}

type Answer = oneshot::Sender<Result<Started, Error>>;

/// Reads, serves, and follows what changes until `stopped` is closed.
pub(super) async fn run(
    config: RunConfig,
    parts: Parts,
    published: watch::Sender<Arc<Published>>,
    mut started: Answer,
    mut stopped: watch::Receiver<()>,
) {
    let _alive = parts.health.alive();
    let follow = Follow { config: &config, parts: &parts, published };
    match &config.source {
        Source::Manifests(manifests) => {
            follow.source(Manifests::new(manifests), None, started, stopped).await;
        }
        Source::Cluster(cluster) => {
            let client = match connect(cluster).await {
                Ok(client) => client,
                Err(error) => return drop(started.send(Err(error))),
            };
            let waiting = |missing| parts.health.set_waiting(missing);
            let cluster = tokio::select! {
                cluster = Cluster::start(&client, &config.options, waiting) => cluster,
                // Nobody waits for us any more.
                () = started.closed() => return,
                _ = stopped.changed() => return,
            };
            let reader = cluster.reader();
            follow.source(cluster, Some(reader), started, stopped).await;
        }
    }
}

struct Follow<'r> {
    config: &'r RunConfig,
    parts: &'r Parts,
    published: watch::Sender<Arc<Published>>,
}

impl Follow<'_> {
    async fn source<S: source::Source>(
        self,
        source: S,
        reader: Option<Reader>,
        started: Answer,
        stopped: watch::Receiver<()>,
    ) {
        let Self { config, parts, published } = self;
        let (publisher, subscriber): (Publisher, Subscriber) = channel(Snapshot::default());
        let mut control =
            Control::new(source, config.options.clone(), publisher, published, parts.metrics.clone());
        control.begin();
        let (server, log) = match serve(config, &control.global(), subscriber, &parts.metrics) {
            Ok(served) => served,
            Err(error) => return drop(started.send(Err(error))),
        };
        parts.health.set_serving(true);
        let on = |scheme: &str, addresses: &[SocketAddr]| {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            if addresses.is_empty() {
                String::new()
            } else {
                format!("{scheme} on {}, ", addresses.join(" and "))
            }
        };
        tracing::info!(
            "serving {}{}health check on http://{}{}",
            on("HTTP", server.addresses()),
            on("HTTPS", server.tls_addresses()),
            parts.healthz,
            config.health_check_path
        );
        control.log_all();
        if started.send(Ok(Started { server, log, reader })).is_ok() {
            control.run(stopped).await;
        }
    }
}

fn serve(
    config: &RunConfig,
    global: &Global,
    subscriber: Subscriber,
    metrics: &Arc<Metrics>,
) -> Result<(Running, Option<AccessLog>), Error> {
    let mut proxy = config.proxy.clone();
    // Where no Ingress names the host, the health path is answered on the traffic ports too, as ingress-nginx does.
    proxy.health_check_path = Some(config.health_check_path.clone());
    proxy.local_endpoints = config.options.local_endpoints;
    let mut server = Server::new(subscriber, proxy).streams_on(stream_addresses(config));
    for address in &config.http {
        server = server.listen(*address);
    }
    for address in &config.https {
        server = server.listen_tls(*address);
    }
    if let Some(workers) = config.workers.or(global.worker_processes) {
        server = server.workers(workers);
    }
    let log = config.access_log.open()?;
    let observe = {
        let (log, metrics) = (log.clone(), metrics.clone());
        move |worker| -> Box<dyn Observer> {
            let log = log.as_ref().map(AccessLog::observer);
            let observers: Vec<_> = log.into_iter().chain(metrics.observer(worker)).collect();
            Box::new(observers)
        }
    };
    if log.is_some() || config.metrics.enabled {
        server = server.observe(observe);
    }
    let server = server.start().map_err(|error| match error {
        ServerError::Listen { address, source } => {
            let flag = if config.http.contains(&address) { "--http-port" } else { "--https-port" };
            Error::Listen { flag, address, source }
        }
        ServerError::Worker(source) => Error::System { part: "workers", source },
        other => Error::System { part: "proxy", source: std::io::Error::other(other) },
    })?;
    metrics.set_sources(Sources {
        counts: Box::new(server.counter()),
        dropped_lines: {
            let log = log.clone();
            Box::new(move || log.as_ref().map_or(0, AccessLog::dropped))
        },
        workers: server.workers(),
    });
    Ok((server, log))
}

/// TCP and UDP services have ports of their own, on the addresses of HTTP and HTTPS.
fn stream_addresses(config: &RunConfig) -> BTreeSet<IpAddr> {
    config.http.iter().chain(&config.https).map(SocketAddr::ip).collect()
}
