//! One thread, one runtime, one proxy, its own listeners. The only file that knows threads.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower::Layer;

use super::http::HttpService;
use super::opening::{Opening, Scheme};
use super::state::{Open, WorkerState};
use crate::config::Config;
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
    pub(super) listeners: Vec<(Scheme, TcpListener)>,
    pub(super) layer: L,
    /// How many connections it may hold.
    pub(super) limit: usize,
    pub(super) state: Arc<WorkerState>,
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
        let acceptor = Acceptor {
            proxy,
            subscriber: self.subscriber,
            layer: self.layer,
            config: self.config,
            limit: self.limit,
            state: self.state.clone(),
        };
        for (scheme, listener) in self.listeners {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept_from(listener, scheme).await });
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

/// What the connections of a worker have in common.
#[derive(Clone)]
pub(super) struct Acceptor<L> {
    pub(super) proxy: Proxy,
    pub(super) subscriber: Subscriber,
    pub(super) layer: L,
    pub(super) config: Arc<Config>,
    limit: usize,
    pub(super) state: Arc<WorkerState>,
}

impl<L> Acceptor<L>
where
    L: Layer<Proxy, Service: HttpService> + Clone + Send + Sync + 'static,
{
    async fn accept_from(self, listener: TcpListener, scheme: Scheme) {
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
                () = self.state.drain.cancelled() => return self.empty(listener, scheme),
            };
            match accepted {
                Ok((stream, _)) => self.take(stream, scheme),
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
    fn empty(&self, listener: tokio::net::TcpListener, scheme: Scheme) {
        // Asked without tokio, whose word that nothing is there may be out of date.
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, _)) = listener.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                self.take(stream, scheme);
            }
        }
    }

    fn take(&self, stream: TcpStream, scheme: Scheme) {
        self.state.note_accepted();
        let full = self.state.connections() >= self.limit;
        if self.state.note_full(full) && full {
            tracing::warn!(
                limit = self.limit,
                "the limit of connections is reached: more are refused; raise the number of open files"
            );
        }
        if full {
            tokio::spawn(refuse(stream));
            return;
        }
        let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
        let open = Open::new(self.state.clone());
        // Without it a small write can wait for the acknowledgement of the one before; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let settings = self.proxy.settings();
        let opening = Opening { acceptor: self.clone(), open, settings, scheme, peer, local };
        tokio::spawn(opening.run(stream));
    }
}

/// Says politely that there is no room.
async fn refuse(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(ANSWER)).await;
}
