//! One client, and the endpoint that its datagrams go to.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use ingress_core::stream::StreamSettings;
use socket2::SockRef;
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::server::stream::Record;
use crate::timer::Deadline;
use crate::upstream::Endpoint;

/// No datagram is longer.
pub(super) const LONGEST: usize = 65_535;

/// What a client has with an endpoint.
#[derive(Debug)]
pub(super) struct Session {
    /// Connected to the endpoint: it takes answers from nobody else, and learns if the endpoint refuses.
    socket: UdpSocket,
    client: SocketAddr,
    /// Alive for as long as the endpoint is in its upstream.
    endpoint: Weak<Endpoint>,
    /// Those that have refused before.
    refused: Vec<Weak<Endpoint>>,
    ended: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// None once it was handed to the next session of the client.
    record: Option<Record>,
    /// Datagrams of the client, and of the endpoint.
    sent: u64,
    answers: u64,
    /// When the last datagram came or went.
    last: Instant,
    /// When the last one went that shows that there is somebody on either side: an answer, or what a client sends after one. For as long
    /// as nobody answers, senders need not even exist.
    used: Instant,
    broken: bool,
}

impl Session {
    /// A session with an endpoint, by a socket that is connected to it, in the place of those that have refused.
    pub(super) fn new(
        socket: UdpSocket,
        client: SocketAddr,
        endpoint: &Arc<Endpoint>,
        refused: &[Arc<Endpoint>],
        record: Record,
    ) -> Self {
        let now = Instant::now();
        let record = Some(record);
        Self {
            socket,
            client,
            endpoint: Arc::downgrade(endpoint),
            refused: refused.iter().map(Arc::downgrade).collect(),
            ended: Notify::new(),
            state: Mutex::new(State { record, sent: 0, answers: 0, last: now, used: now, broken: false }),
        }
    }

    /// Sends a datagram of the client's. What the system does not take now is lost.
    ///
    /// # Errors
    /// If the endpoint is not there: the datagram was not sent.
    pub(super) fn send(&self, datagram: &[u8]) -> Result<(), Gone> {
        if self.lock().broken || self.endpoint.strong_count() == 0 {
            return Err(Gone);
        }
        match SockRef::from(&self.socket).send(datagram) {
            Err(error) if is_refusal(&error) => {
                self.note_broken();
                return Err(Gone);
            }
            Err(error) => tracing::debug!(client = %self.client, %error, "a datagram was lost"),
            Ok(_) => {}
        }
        self.note_sent(datagram.len());
        Ok(())
    }

    /// What a session in its place takes over: the endpoints that have refused, and the record.
    pub(super) fn hand_over(&self) -> (Vec<Arc<Endpoint>>, Option<Record>) {
        let mut state = self.lock();
        let last = state.broken.then_some(&self.endpoint);
        let refused = self.refused.iter().chain(last).filter_map(Weak::upgrade).collect();
        (refused, state.record.take())
    }

    /// Passes answers on, by the socket that the client has sent to, until the session is over.
    pub(super) async fn run(&self, listener: &UdpSocket, settings: &StreamSettings) {
        let mut deadline = Deadline::default();
        let answers = poll_fn(|cx| {
            if self.poll_answers(cx, listener, settings.responses).is_ready() {
                return Poll::Ready(());
            }
            let last = self.lock().last;
            deadline.poll(cx, last + settings.timeout)
        });
        tokio::select! {
            () = answers => {}
            () = self.ended.notified() => {}
            () = self.watch() => {}
        }
    }

    /// Notes that the endpoint refuses: of that alone a reader is not woken. Never ready.
    async fn watch(&self) {
        if self.socket.ready(Interest::ERROR).await.is_ok()
            && let Ok(Some(error)) = self.socket.take_error()
            && is_refusal(&error)
        {
            self.note_broken();
        }
        std::future::pending().await
    }

    /// Ready when all answers that are expected have come.
    fn poll_answers(&self, cx: &mut Context<'_>, listener: &UdpSocket, responses: Option<u32>) -> Poll<()> {
        loop {
            if self.is_answered(responses) {
                return Poll::Ready(());
            }
            let mut space = [const { MaybeUninit::uninit() }; LONGEST];
            let mut answer = ReadBuf::uninit(&mut space);
            match ready!(self.socket.poll_recv(cx, &mut answer)) {
                Ok(()) => {
                    let answer = answer.filled();
                    if let Err(error) = SockRef::from(listener).send_to(answer, &self.client.into()) {
                        tracing::debug!(client = %self.client, %error, "an answer was lost");
                    }
                    self.note_answer(answer.len());
                }
                Err(error) if is_refusal(&error) => self.note_broken(),
                Err(error) => tracing::debug!(client = %self.client, %error, "an answer could not be read"),
            }
        }
    }

    /// As nginx counts: so many answers for each datagram of the client.
    fn is_answered(&self, responses: Option<u32>) -> bool {
        let state = self.lock();
        responses.is_some_and(|each| state.sent > 0 && state.answers >= state.sent * u64::from(each))
    }

    pub(super) fn end(&self) {
        self.ended.notify_one();
    }

    /// When it was last of use.
    pub(super) fn used(&self) -> Instant {
        self.lock().used
    }

    pub(super) fn note_sent(&self, length: usize) {
        let mut state = self.lock();
        state.sent += 1;
        state.last = Instant::now();
        if state.answers > 0 {
            state.used = state.last;
        }
        if let Some(record) = &mut state.record {
            record.traffic.received += length as u64;
        }
    }

    pub(super) fn note_answer(&self, length: usize) {
        let mut state = self.lock();
        state.answers += 1;
        state.last = Instant::now();
        state.used = state.last;
        if let Some(record) = &mut state.record {
            record.traffic.sent += length as u64;
        }
    }

    fn note_broken(&self) {
        let mut state = self.lock();
        state.broken = true;
        let answered = state.answers > 0;
        if let Some(record) = state.record.as_mut().filter(|_| !answered) {
            record.refused();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoint of a session is not there any more.
#[derive(Debug)]
pub(super) struct Gone;

/// A socket that is connected to an endpoint.
///
/// # Errors
/// If the system gives no socket, or has no way to the endpoint ([`is_refusal`]).
pub(super) fn connected(address: SocketAddr) -> io::Result<UdpSocket> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// What a connected socket is told (by ICMP) when nobody is there.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

#[cfg(test)]
pub(super) mod tests {
    use ingress_core::stream::{Stream, StreamProtocol};
    use ingress_core::{Snapshot, Upstream};

    use super::*;
    use crate::{Config, Proxy, Publisher, channel};

    /// A session with an endpoint where nobody is.
    pub(in super::super) async fn session() -> Arc<Session> {
        published().await.0
    }

    async fn published() -> (Arc<Session>, Publisher, Proxy) {
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        let snapshot = Snapshot::builder().upstream(Upstream::new("u", [client])).build().unwrap();
        let (publisher, subscriber) = channel(snapshot);
        let proxy = Proxy::new(subscriber, Config::default());
        let (_, group) = proxy.stream(&Stream::new(StreamProtocol::Udp, 9, "u"));
        let endpoint = group.unwrap().pick(&[]).await.unwrap();
        let record = Record::new(proxy.clone(), StreamProtocol::Udp, client, client, "u".into());
        let session = Session::new(connected(client).unwrap(), client, &endpoint, &[], record);
        (Arc::new(session), publisher, proxy)
    }

    #[tokio::test]
    async fn so_many_answers_for_each_datagram() {
        let session = session().await;
        assert!(!session.is_answered(Some(1)), "nothing was sent yet");
        session.note_sent(1);
        assert!(session.is_answered(Some(0)));
        assert!(!session.is_answered(Some(1)));
        session.note_answer(1);
        assert!(session.is_answered(Some(1)));
        assert!(!session.is_answered(Some(2)));
        assert!(!session.is_answered(None));
        session.note_sent(1);
        assert!(!session.is_answered(Some(1)));
    }

    #[tokio::test]
    async fn an_endpoint_that_left_gets_nothing_more() {
        let (session, publisher, proxy) = published().await;
        assert!(session.send(b"x").is_ok());
        let elsewhere = Upstream::new("u", [SocketAddr::from(([127, 0, 0, 1], 10))]);
        publisher.publish(Snapshot::builder().upstream(elsewhere).build().unwrap());
        drop(proxy.settings());
        assert!(session.send(b"x").is_err());
    }
}
