//! TCP and UDP services over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may give up anywhere"
)]

mod ports;
mod tcp;
mod udp;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use ingress_proxy::core::stream::{Stream, StreamProtocol};
use ingress_proxy::core::{Settings, Snapshot, Upstream};
use ingress_proxy::observe::FinishedStream;
use ingress_proxy::{Config, Finished, Observer, Publisher, Running, Server, channel};
use tokio::sync::mpsc;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server, and what it is told and tells.
struct World {
    running: Running,
    publisher: Publisher,
    finished: mpsc::UnboundedReceiver<Over>,
}

/// What a test looks at of a stream that is over.
#[derive(Debug, PartialEq, Eq)]
struct Over {
    status: u16,
    endpoint: Option<SocketAddr>,
    received: u64,
    sent: u64,
    client: SocketAddr,
}

#[derive(Debug)]
struct Keep(mpsc::UnboundedSender<Over>);

impl Observer for Keep {
    fn finished(&mut self, _: &Finished<'_>) {}

    fn stream_finished(&mut self, stream: &FinishedStream<'_>) {
        let &FinishedStream { status, endpoint, bytes_received, bytes_sent, client, .. } = stream;
        drop(self.0.send(Over { status, endpoint, received: bytes_received, sent: bytes_sent, client }));
    }
}

impl World {
    fn start(snapshot: Snapshot) -> Self {
        let (publisher, subscriber) = channel(snapshot);
        let (sender, finished) = mpsc::unbounded_channel();
        let running = Server::new(subscriber, Config::default())
            .streams_on([LOCALHOST])
            .workers(NonZeroUsize::new(2).unwrap())
            .observe(move |_| Box::new(Keep(sender.clone())))
            .start()
            .unwrap();
        Self { running, publisher, finished }
    }

    /// The address of the only port of a protocol, once it is open.
    async fn port(&self, protocol: StreamProtocol) -> SocketAddr {
        let find = || self.open().into_iter().find(|(each, _)| *each == protocol);
        until("a port", || find().is_some()).await;
        find().unwrap().1
    }

    fn open(&self) -> Vec<(StreamProtocol, SocketAddr)> {
        let ports = self.running.stream_ports().into_iter().filter(|port| port.refused.is_none());
        ports.map(|port| (port.protocol, port.address)).collect()
    }

    async fn over(&mut self) -> Over {
        within("the end of a stream", self.finished.recv()).await.unwrap()
    }
}

/// A snapshot of streams, all of which lead to one upstream.
fn snapshot(streams: impl IntoIterator<Item = Stream>, endpoints: &[SocketAddr]) -> Snapshot {
    with_settings(streams, endpoints, |_| {})
}

fn with_settings(
    streams: impl IntoIterator<Item = Stream>,
    endpoints: &[SocketAddr],
    change: impl FnOnce(&mut Settings),
) -> Snapshot {
    let mut settings = Settings::default();
    change(&mut settings);
    let upstream = Upstream::new("u", endpoints.iter().copied());
    let builder = Snapshot::builder().upstream(upstream).settings(settings);
    streams.into_iter().fold(builder, |builder, stream| builder.stream(stream)).build().unwrap()
}

fn stream(protocol: StreamProtocol, port: u16) -> Stream {
    Stream::new(protocol, port, "u")
}

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let done = tokio::time::timeout(Duration::from_secs(30), future).await;
    done.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, wait).await;
}
