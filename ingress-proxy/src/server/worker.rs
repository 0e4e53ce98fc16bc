//! One thread, one runtime, one proxy, its own listeners. The only file that knows threads.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ingress_core::Settings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::datagram::Sessions;
use super::http::{self, HttpService};
use super::lifecycle::Lifecycle;
use super::ports::{Context, Follower, Ports};
use super::sniff::sniff;
use super::state::WorkerState;
use super::transport::Transport;
use crate::config::Config;
use crate::connection::Connection;
use crate::observe::Observer;
use crate::proxy::Proxy;
use crate::snapshot::Subscriber;

/// How long a listener rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// What a worker is given.
pub(super) struct Worker<L> {
    pub(super) subscriber: Subscriber,
    pub(super) config: Arc<Config>,
    pub(super) observer: Option<Box<dyn Observer>>,
    pub(super) listeners: Vec<TcpListener>,
    pub(super) layer: L,
    /// How many connections it may hold.
    pub(super) limit: usize,
    pub(super) state: Arc<WorkerState>,
    pub(super) dynamic: Dynamic,
}

/// The listeners of a worker that come and go with snapshots.
pub(super) struct Dynamic {
    /// The number of the worker.
    pub(super) worker: usize,
    pub(super) ports: Arc<Ports>,
    /// Where streams are served.
    pub(super) addresses: Arc<[IpAddr]>,
}

/// Starts a worker on a thread of its own; the receiver gets the number of connections that it cut when it ended.
///
/// # Errors
/// If the system gives no thread or no event queue.
pub(super) fn spawn<L>(name: String, worker: Worker<L>) -> io::Result<oneshot::Receiver<usize>>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name(name).spawn(move || {
        let state = worker.state.clone();
        let cut = runtime.block_on(worker.run());
        // Drops every task that is left, and with it its socket.
        drop(runtime);
        tracing::debug!(cut, open = state.connections(), "worker ended");
        // Nobody listens if the server was dropped instead of drained.
        let _ = ended.send(cut);
    })?;
    Ok(end)
}

impl<L> Worker<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    /// Serves until told to stop; returns how many connections were open then.
    async fn run(self) -> usize {
        let mut proxy = Proxy::new(self.subscriber.clone(), (*self.config).clone());
        if let Some(observer) = self.observer {
            proxy = proxy.with_observer(observer);
        }
        let follower = Follower {
            worker: self.dynamic.worker,
            ports: self.dynamic.ports,
            addresses: self.dynamic.addresses,
            subscriber: self.subscriber,
            context: Context {
                proxy: proxy.clone(),
                state: self.state.clone(),
                limit: self.limit,
                sessions: Arc::new(Sessions::new(self.limit)),
            },
        };
        tokio::spawn(self.state.drain.clone().run_until_cancelled_owned(follower.run()));
        let acceptor = Acceptor {
            proxy,
            layer: self.layer,
            config: self.config,
            limit: self.limit,
            state: self.state.clone(),
        };
        for listener in self.listeners {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept_from(listener).await });
        }
        let state = self.state;
        let emptied = async {
            state.drain.cancelled().await;
            state.emptied().await;
        };
        tokio::select! {
            () = emptied => {}
            () = state.stop.cancelled() => {}
        }
        state.connections()
    }
}

#[derive(Clone)]
struct Acceptor<L> {
    proxy: Proxy,
    layer: L,
    config: Arc<Config>,
    limit: usize,
    state: Arc<WorkerState>,
}

impl<L> Acceptor<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    async fn accept_from(self, listener: TcpListener) {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "a listener could not be watched");
                return;
            }
        };
        loop {
            let accepted = tokio::select! { biased;
                accepted = listener.accept() => accepted,
                () = self.state.drain.cancelled() => return self.empty(listener),
            };
            match accepted {
                Ok((stream, _)) => self.take(stream),
                // The client gave up in the queue.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Serves what the system has accepted for us already: it would be reset when the listener closes.
    fn empty(&self, listener: tokio::net::TcpListener) {
        // Asked without tokio, whose word that nothing is there may be out of date.
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, _)) = listener.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                self.take(stream);
            }
        }
    }

    fn take(&self, stream: TcpStream) {
        let Some(open) = self.state.admit(self.limit) else {
            tokio::spawn(refuse(stream));
            return;
        };
        let (Ok(client), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
        // Without it a small write can wait for the acknowledgement of the one before; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let proxy = self.proxy.with_connection(Connection::new(client, local.port()));
        let service = self.layer.layer(proxy.clone());
        let serve = Serve {
            lifecycle: Lifecycle::new(open),
            service,
            settings: proxy.settings(),
            proxy,
            config: self.config.clone(),
            drain: self.state.drain.clone(),
        };
        tokio::spawn(serve.run(stream));
    }
}

/// One connection that is to be served. The settings are those of the moment at which it was accepted.
struct Serve<S> {
    lifecycle: Lifecycle,
    service: S,
    proxy: Proxy,
    settings: Arc<Settings>,
    config: Arc<Config>,
    drain: CancellationToken,
}

impl<S: HttpService> Serve<S> {
    /// Finds out what the client speaks, and serves it.
    async fn run(self, mut io: TcpStream) {
        let Self { lifecycle, service, proxy, settings, config, drain } = self;
        let first = tokio::select! { biased;
            first = tokio::time::timeout(settings.client_header_timeout, sniff(&mut io)) => first,
            () = async { drain.cancelled().await; tokio::time::sleep(config.drain_idle).await } => return,
        };
        let Ok(Ok(Some(sniffed))) = first else { return };
        let lifecycle = Arc::new(lifecycle);
        let http1 = !sniffed.http2;
        let transport = Transport::new(io, http1, sniffed.first, lifecycle.clone(), &settings, &config);
        http::serve(transport, sniffed.http2, (service, proxy), lifecycle, &settings, &drain).await;
    }
}

/// Says politely that there is no room.
async fn refuse(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(ANSWER)).await;
}
