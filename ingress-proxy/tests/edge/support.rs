//! A proxy with some hosts, connections to it, and an endpoint behind it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{HOST, STRICT_TRANSPORT_SECURITY};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use ingress_proxy::connection::{ClientIdentity, Outcome, Tls};
use ingress_proxy::core::policy::{Https, HttpsRedirect};
use ingress_proxy::core::settings::Settings;
use ingress_proxy::core::tls::{ClientAuth, Guard, ServerTls, TlsTable, Trust};
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, Snapshot, Upstream};
use ingress_proxy::{Body, Config, Connection, Proxy, channel};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// An endpoint that answers with the path and the fields that it got.
pub(crate) async fn endpoint() -> SocketAddr {
    let answer = |request: Request<Incoming>| async move {
        let mut text = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
        let answer = Response::builder().header(STRICT_TRANSPORT_SECURITY, "max-age=1");
        Ok::<_, Infallible>(answer.body(Body::full(text)).unwrap())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(answer);
            let io = TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    address
}

pub(crate) fn route(host: &str, path: &str, upstream: &str) -> Route {
    let path = PathPattern::prefix(path).unwrap();
    Route::new(HostPattern::parse(host).unwrap(), path, Backend::Upstream(upstream.into()))
}

pub(crate) fn redirecting(mut route: Route) -> Route {
    route.https = Https::new(Some(HttpsRedirect::default()), false);
    route
}

pub(crate) fn policy(change: impl FnOnce(&mut ClientAuth)) -> Arc<ClientAuth> {
    let mut policy = ClientAuth::new(Arc::new(Trust::default()));
    change(&mut policy);
    Arc::new(policy)
}

pub(crate) fn asking(guard: Guard<Arc<ClientAuth>>) -> ServerTls {
    let mut server = ServerTls::default();
    server.client_auth = Some(guard);
    server
}

/// What is asked of the clients of `mtls.test`.
pub(crate) fn strict() -> Arc<ClientAuth> {
    policy(|policy| policy.pass_certificate = true)
}

/// What is asked of the clients of `*.wild.test`.
pub(crate) fn wild() -> Arc<ClientAuth> {
    policy(|policy| policy.depth = 2)
}

/// A proxy with these routes, `mtls.test`, `*.wild.test`, `broken.test`, and these policies of other hosts.
pub(crate) struct Setup {
    pub(crate) routes: Vec<Route>,
    pub(crate) policies: Vec<(&'static str, Arc<ClientAuth>)>,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let hosts = ["mtls.test", "*.wild.test", "open.wild.test", "broken.test", "free.test"];
        Self {
            routes: hosts.map(|host| route(host, "/", "u")).to_vec(),
            policies: vec![("mtls.test", strict()), ("*.wild.test", wild())],
            settings: Settings::default(),
            config: Config::default(),
        }
    }

    pub(crate) async fn proxy(self) -> Proxy {
        let empty = Upstream::new("empty", []);
        let mut snapshot =
            Snapshot::builder().upstream(Upstream::new("u", [endpoint().await])).upstream(empty);
        for route in self.routes {
            snapshot = snapshot.route(route);
        }
        let denied = asking(Guard::Denied("no authorities".into()));
        let mut tls = TlsTable::builder().server(HostPattern::parse("broken.test").unwrap(), denied);
        for (host, policy) in self.policies {
            tls = tls.server(HostPattern::parse(host).unwrap(), asking(Guard::Ready(policy)));
        }
        let snapshot = snapshot.settings(self.settings).tls(tls.build()).build().unwrap();
        let (_, subscriber) = channel(snapshot);
        Proxy::new(subscriber, self.config)
    }
}

pub(crate) fn plain() -> Connection {
    Connection::new(([192, 0, 2, 7], 1000).into(), 80)
}

/// A connection after a handshake for `name`, in which `asked` was asked for and this came of it.
pub(crate) fn tls(name: Option<&str>, asked: Option<(Arc<ClientAuth>, Outcome)>) -> Connection {
    let client = asked.map(|(asked, outcome)| {
        let mut client = ClientIdentity::none(asked);
        if outcome != Outcome::None {
            client.subject = "CN=alice,O=Acme".into();
            client.issuer = "CN=ca".into();
            client.escaped_pem = "-----BEGIN%20CERTIFICATE-----%0A".into();
        }
        client.outcome = outcome;
        Arc::new(client)
    });
    plain().with_tls(Tls::new(name.map(Into::into), client))
}

pub(crate) fn failed(unknown: bool) -> Outcome {
    Outcome::Failed { reason: "bad".into(), unknown }
}

pub(crate) fn get(host: &str, path: &str) -> Request<Body> {
    Request::get(path).header(HOST, host).body(Body::empty()).unwrap()
}

pub(crate) async fn send(proxy: &Proxy, connection: &Connection, request: Request<Body>) -> Response<Body> {
    proxy.with_connection(connection.clone()).oneshot(request).await.unwrap()
}

pub(crate) async fn status(proxy: &Proxy, connection: &Connection, host: &str) -> u16 {
    send(proxy, connection, get(host, "/")).await.status().as_u16()
}

pub(crate) async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
