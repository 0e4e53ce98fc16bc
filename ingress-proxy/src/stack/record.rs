//! What is noted of a request while it runs, for the observer.
//!
//! A record rides with its request through the stack, and then with the body of the answer. Whoever drops it, and wherever, tells the
//! observer: so each request is told of once, also one that is given up half way. Without an observer there are no records.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, REFERER, USER_AGENT};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use ingress_core::{Settings, canonical_host};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::headers::X_REQUEST_ID;
use super::length;
use super::view::RouteTarget;
use crate::body::Body;
use crate::connection::Connection;
use crate::error::{Kind, Side};
use crate::observe::{Finished, FinishedStream, Observer, Try};
use crate::upstream::Progress;

/// The observer of one proxy. Its lock is for clones of the proxy on several threads: a worker's is never waited for.
#[derive(Debug, Clone)]
pub(crate) struct Observers {
    observer: Arc<Mutex<Box<dyn Observer>>>,
    only_logged: bool,
}

impl Observers {
    pub(crate) fn new(observer: Box<dyn Observer>) -> Self {
        Self { only_logged: observer.only_logged(), observer: Arc::new(Mutex::new(observer)) }
    }

    /// True if a request that comes under these settings may matter to the observer.
    pub(super) fn want(&self, settings: &Settings) -> bool {
        settings.access_log.enabled || !self.only_logged
    }

    /// Tells of a stream.
    pub(crate) fn stream_finished(&self, stream: &FinishedStream<'_>) {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner).stream_finished(stream);
    }
}

/// What is known of a request so far.
#[derive(Debug)]
pub(crate) struct Record {
    observers: Observers,
    began: Instant,
    connection: Option<Connection>,
    client: Option<IpAddr>,
    line: Line,
    version: Version,
    authority: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
    place: Place,
    log: bool,
    request_length: u64,
    upload: Option<Arc<Progress>>,
    tries: SmallVec<[Try; 1]>,
    /// When the last try began, while it lasts.
    trying: Option<Instant>,
    status: Option<u16>,
    head_sent: u64,
    body_sent: u64,
}

/// The first line of a request.
#[derive(Debug)]
enum Line {
    Read(Method, Uri),
    Refused(Box<[u8]>),
}

/// Where a request leads to.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) target: Option<Arc<RouteTarget>>,
    pub(super) default_backend: bool,
    pub(super) known_host: bool,
    pub(super) health_check: bool,
}

/// The canonical form of the host, mostly without a copy.
#[derive(Debug, Default)]
pub(super) enum Host {
    /// Nobody has looked.
    #[default]
    Unseen,
    /// The authority up to here.
    Start(usize),
    Text(Box<str>),
}

impl From<Cow<'_, str>> for Host {
    /// For what [`canonical_host`] has made of the authority: it cuts off at the end, and else makes a copy.
    fn from(host: Cow<'_, str>) -> Self {
        match host {
            Cow::Borrowed(start) => Self::Start(start.len()),
            Cow::Owned(text) => Self::Text(text.into()),
        }
    }
}

impl Host {
    fn of<'a>(&'a self, authority: &'a str) -> Cow<'a, str> {
        match self {
            Self::Unseen => canonical_host(authority).unwrap_or_default(),
            Self::Start(length) => authority.get(..*length).unwrap_or_default().into(),
            Self::Text(text) => (&**text).into(),
        }
    }
}

impl Record {
    /// A record of a request as it came.
    pub(super) fn begin(
        observers: &Observers,
        request: &Request<Body>,
        connection: Option<&Connection>,
    ) -> Box<Self> {
        let line = Line::Read(request.method().clone(), request.uri().clone());
        let mut record = Self::new(observers, line, connection);
        record.version = request.version();
        record.request_length = length::of_line(request);
        for (name, value) in request.headers() {
            record.request_length += length::of_field(name, value);
            // Of several the first counts.
            let kept = match name {
                name if *name == USER_AGENT => &mut record.user_agent,
                name if *name == REFERER => &mut record.referer,
                name if *name == X_REQUEST_ID => &mut record.request_id,
                _ => continue,
            };
            kept.get_or_insert_with(|| value.clone());
        }
        record
    }

    /// A record of a head that was refused before it was read as a request, of which this is the first line.
    pub(super) fn refused(
        observers: &Observers,
        line: &[u8],
        connection: Option<&Connection>,
        settings: &Settings,
    ) -> Box<Self> {
        let mut record = Self::new(observers, Line::Refused(line.into()), connection);
        record.request_length = line.len() as u64;
        record.log = settings.access_log.enabled;
        record
    }

    fn new(observers: &Observers, line: Line, connection: Option<&Connection>) -> Box<Self> {
        Box::new(Self {
            observers: observers.clone(),
            began: Instant::now(),
            connection: connection.cloned(),
            client: connection.map(|connection| connection.client().ip()),
            line,
            version: Version::HTTP_11,
            authority: None,
            referer: None,
            user_agent: None,
            request_id: None,
            place: Place::default(),
            log: false,
            request_length: 0,
            upload: None,
            tries: SmallVec::new(),
            trying: None,
            status: None,
            head_sent: 0,
            body_sent: 0,
        })
    }

    /// Notes who sent the request, and to whom.
    pub(super) fn sent_by(&mut self, client: Option<IpAddr>, authority: Option<&HeaderValue>) {
        self.client = client;
        self.authority = authority.cloned();
    }

    /// Notes where the request leads to; decides whether it is logged.
    pub(super) fn leads_to(&mut self, place: Place, settings: &Settings) {
        let log = &settings.access_log;
        let unknown = place.default_backend && !place.known_host;
        self.log = log.enabled
            && !place.health_check
            && (log.default_backend || !unknown)
            && !log.skip.iter().any(|skipped| self.is_target(skipped));
        self.place = place;
    }

    fn is_target(&self, text: &str) -> bool {
        match &self.line {
            Line::Read(_, uri) => uri.path_and_query().is_some_and(|target| target.as_str() == text),
            Line::Refused(_) => false,
        }
    }

    /// Notes what the endpoint is sent.
    pub(super) fn sends(&mut self, headers: &HeaderMap, upload: Option<&Arc<Progress>>) {
        self.request_id = headers.get(X_REQUEST_ID).cloned();
        self.upload = upload.cloned();
    }

    /// A try of an endpoint begins.
    pub(super) fn try_begins(&mut self, address: SocketAddr) {
        self.trying = Some(Instant::now());
        self.tries.push(Try {
            address,
            status: None,
            response_length: 0,
            connect_time: Duration::ZERO,
            header_time: None,
            response_time: Duration::ZERO,
        });
    }

    /// The endpoint was connected to.
    pub(super) fn connected(&mut self) {
        if let (Some(since), Some(last)) = (self.trying, self.tries.last_mut()) {
            last.connect_time = since.elapsed();
        }
    }

    /// The head of the endpoint's answer is there.
    pub(super) fn answered(&mut self, status: u16) {
        if let (Some(since), Some(last)) = (self.trying, self.tries.last_mut()) {
            last.header_time = Some(since.elapsed());
            last.status = Some(status);
        }
    }

    /// The try has failed.
    pub(super) fn failed(&mut self, kind: Kind) {
        if let (Some(since), Some(last)) = (self.trying.take(), self.tries.last_mut()) {
            last.response_time = since.elapsed();
            last.status = (kind.side() == Side::Upstream).then(|| kind.status().as_u16());
        }
    }

    /// Notes the head of the answer, and the status that is told of it.
    pub(super) fn answers(&mut self, response: &Response<Body>, status: StatusCode) {
        self.status = Some(status.as_u16());
        self.head_sent = length::of_answer(response);
    }

    /// Bytes of the answer's body are handed over, or bytes of a tunnel to the client.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.body_sent += bytes as u64;
    }

    /// Bytes of a tunnel have come from the client.
    pub(super) fn received(&mut self, bytes: u64) {
        self.request_length += bytes;
    }

    fn tell(&mut self) {
        let now = Instant::now();
        if let (Some(since), Some(last)) = (self.trying.take(), self.tries.last_mut()) {
            last.response_time = now - since;
            last.response_length = self.body_sent;
        }
        let authority = self.authority.as_ref().and_then(|authority| authority.to_str().ok());
        let host = self.place.host.of(authority.unwrap_or_default());
        let (method, target, refused_line) = match &self.line {
            Line::Read(method, target) => (Some(method), Some(target), None),
            Line::Refused(line) => (None, None, Some(&**line)),
        };
        let uploaded = self.upload.as_ref().map_or(0, |upload| upload.bytes());
        let finished = Finished {
            connection: self.connection.as_ref(),
            client: self.client,
            method,
            target,
            refused_line,
            version: self.version,
            host: &host,
            referer: self.referer.as_ref(),
            user_agent: self.user_agent.as_ref(),
            request_id: self.request_id.as_ref(),
            status: self.status.unwrap_or(CLIENT_LEFT),
            request_length: self.request_length + uploaded,
            bytes_sent: self.head_sent + self.body_sent,
            body_bytes_sent: self.body_sent,
            duration: now - self.began,
            route: self.place.target.as_ref().map(|target| &target.route),
            default_backend: self.place.default_backend,
            known_host: self.place.known_host,
            health_check: self.place.health_check,
            log: self.log,
            tries: &self.tries,
        };
        self.observers.observer.lock().unwrap_or_else(PoisonError::into_inner).finished(&finished);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.tell();
    }
}

/// nginx's status for a client that closed before there was an answer.
const CLIENT_LEFT: u16 = 499;
