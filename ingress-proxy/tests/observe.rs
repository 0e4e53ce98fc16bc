//! What an embedder's observer is told.
#![allow(clippy::unwrap_used)] // a test may give up anywhere

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::TokioIo;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Settings, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Connection, Finished, Observer, Proxy, channel};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// An endpoint that answers `hello` in two pieces, or not at all under `/silent`.
async fn endpoint() -> SocketAddr {
    let answer = |request: Request<hyper::body::Incoming>| async move {
        if request.uri().path() == "/silent" {
            std::future::pending::<()>().await;
        }
        let pieces = ["hel", "lo"].map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))));
        Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::iter(pieces))))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(answer);
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

/// What is kept of a [`Finished`].
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    status: u16,
    host: String,
    client: String,
    body_bytes_sent: u64,
    route: bool,
    default_backend: bool,
    known_host: bool,
    tries: Vec<(SocketAddr, Option<u16>, u64)>,
}

#[derive(Debug, Default, Clone)]
struct Keep(Arc<Mutex<Vec<Kept>>>);

impl Observer for Keep {
    fn finished(&mut self, request: &Finished<'_>) {
        for one in request.tries {
            assert!(one.connect_time <= one.header_time.unwrap_or(Duration::MAX));
            assert!(one.response_time <= request.duration);
        }
        self.0.lock().unwrap().push(Kept {
            status: request.status,
            host: request.host.to_owned(),
            client: request.client.map(|client| client.to_string()).unwrap_or_default(),
            body_bytes_sent: request.body_bytes_sent,
            route: request.route.is_some(),
            default_backend: request.default_backend,
            known_host: request.known_host,
            tries: request.tries.iter().map(|one| (one.address, one.status, one.response_length)).collect(),
        });
    }
}

impl Keep {
    fn take(&self) -> Vec<Kept> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn proxy(endpoint: SocketAddr, observer: impl Observer + 'static) -> Proxy {
    let host = HostPattern::parse("a.test").unwrap();
    let route = Route::new(host, PathPattern::prefix("/").unwrap(), Backend::Upstream("u".into()));
    let snapshot = Snapshot::builder().upstream(Upstream::new("u", [endpoint])).route(route).build().unwrap();
    let (_, subscriber) = channel(snapshot);
    let connection = Connection::new(([192, 0, 2, 7], 1000).into(), 80);
    Proxy::new(subscriber, Config::default()).with_observer(Box::new(observer)).with_connection(connection)
}

fn get(host: &str, path: &str) -> Request<Body> {
    Request::get(path).header(HOST, host).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_answer_is_told_of_with_its_last_byte() {
    let (endpoint, keep) = (endpoint().await, Keep::default());
    let proxy = proxy(endpoint, keep.clone());
    let response = proxy.oneshot(get("A.test:80", "/")).await.unwrap();
    assert_eq!(keep.take(), []);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    let expected = Kept {
        status: 200,
        host: "a.test".into(),
        client: "192.0.2.7".into(),
        body_bytes_sent: 5,
        route: true,
        default_backend: false,
        known_host: true,
        tries: vec![(endpoint, Some(200), 5)],
    };
    assert_eq!(keep.take(), [expected]);
}

#[tokio::test]
async fn what_is_given_up_is_told_of_as_far_as_it_came() {
    let (endpoint, keep) = (endpoint().await, Keep::default());
    let proxy = proxy(endpoint, keep.clone());
    let mut response = proxy.clone().oneshot(get("a.test", "/")).await.unwrap();
    let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    drop(response);
    let told = keep.take();
    assert_eq!((told[0].status, told[0].body_bytes_sent, told.len()), (200, first.len() as u64, 1));

    let silent = proxy.oneshot(get("a.test", "/silent"));
    assert!(tokio::time::timeout(Duration::from_millis(50), silent).await.is_err());
    let told = keep.take();
    assert_eq!((told[0].status, told.len()), (499, 1));
    assert_eq!(told[0].tries, [(endpoint, None, 0)]);
}

#[tokio::test]
async fn what_goes_nowhere_is_told_of_too() {
    let keep = Keep::default();
    let proxy = proxy(endpoint().await, keep.clone());
    for (request, status, default_backend) in [
        (get("b.test", "/"), 404, true),
        (get("b/test", "/"), 400, false),
        (get("a.test", "/../"), 400, false),
    ] {
        let response = proxy.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
        drop(response);
        let told = keep.take();
        assert_eq!((told.len(), told[0].status, told[0].default_backend), (1, status, default_backend));
        assert!(!told[0].route && told[0].tries.is_empty() && told[0].body_bytes_sent == 0);
    }
}

#[tokio::test]
async fn several_observers_are_told_alike() {
    let (first, second, third) = (Keep::default(), Keep::default(), Keep::default());
    let observers = (first.clone(), vec![second.clone(), third.clone()]);
    let proxy = proxy(endpoint().await, observers);
    proxy.oneshot(get("a.test", "/")).await.unwrap().into_body().collect().await.unwrap();
    assert!([first, second, third].iter().all(|keep| keep.take().len() == 1));
}

/// As [`Keep`], for what is logged.
#[derive(Debug, Default, Clone)]
struct KeepLogged(Keep);

impl Observer for KeepLogged {
    fn finished(&mut self, request: &Finished<'_>) {
        self.0.finished(request);
    }

    fn only_logged(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn who_wants_only_what_is_logged_is_told_of_nothing_while_nothing_is() {
    for (access_log, told, told_anyway) in [(true, 1, 1), (false, 0, 1)] {
        let mut settings = Settings::default();
        settings.access_log.enabled = access_log;
        let (logged, all) = (KeepLogged::default(), Keep::default());
        // A pair and a list want what any of theirs wants.
        let both: Vec<Box<dyn Observer>> =
            vec![Box::new((logged.clone(), KeepLogged::default())), Box::new(all.clone())];
        let observers: [(Box<dyn Observer>, &Keep, usize); 2] =
            [(Box::new(vec![logged.clone()]), &logged.0, told), (Box::new(both), &all, told_anyway)];
        for (observer, keep, told) in observers {
            let (_, subscriber) = channel(Snapshot::default().with_settings(settings.clone()));
            let proxy = Proxy::new(subscriber, Config::default()).with_observer(observer);
            let response = proxy.oneshot(get("a.test", "/")).await.unwrap();
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            drop(response);
            assert_eq!(keep.take().len(), told, "access log: {access_log}");
        }
    }
}
