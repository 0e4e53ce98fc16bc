//! What is measured.

use std::hint::black_box;
use std::io::Read as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use http::Request;
use http::header::HOST;
use http_body_util::BodyExt as _;
use ingress_proxy::core::{Backend, HostPattern, PathPattern, Route, RouteTable, Snapshot, Upstream};
use ingress_proxy::{AccessLog, Body, Config, Connection, Proxy, Server, channel};
use tower::Service as _;

/// One row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// It is a server, that wants to be asked from outside.
    pub(crate) served: bool,
    /// The numbers of requests whose difference is taken. A server keeps a connection for 1 000.
    pub(crate) few: u64,
    pub(crate) many: u64,
}

const fn case(name: &'static str, served: bool, few: u64, many: u64) -> Case {
    Case { name, served, few, many }
}

/// `find`: `RouteTable::find` among so many hosts. `refuse`: the stack, for a host that nobody knows. `forward`: the stack, with an
/// endpoint. `serve`: all, from socket to socket. `-logged`: with the access log.
pub(crate) const CASES: &[Case] = &[
    case("find-1", false, 2_000, 22_000),
    case("find-1000", false, 2_000, 22_000),
    case("find-20000", false, 2_000, 22_000),
    case("refuse", false, 200, 1_200),
    case("forward", false, 200, 1_200),
    case("forward-logged", false, 200, 1_200),
    case("serve", true, 200, 900),
    case("serve-logged", true, 200, 900),
];

/// Runs a case; a server says on standard output where it is, and serves until standard input ends.
pub(crate) fn run(name: &str, number: u64, endpoint: SocketAddr) {
    let log = name.ends_with("-logged").then(|| AccessLog::new(std::io::sink()).expect("a log"));
    match name.trim_end_matches("-logged") {
        "refuse" => call(log.as_ref(), "/nothing", number, endpoint),
        "forward" => call(log.as_ref(), "/api/v1", number, endpoint),
        "serve" => serve(log, endpoint),
        find => {
            let hosts = find.strip_prefix("find-").and_then(|hosts| hosts.parse().ok());
            look_up(hosts.expect("the name of a case"), number);
        }
    }
}

fn route(host: &str, path: &str) -> Route {
    let (host, path) =
        (HostPattern::parse(host).expect("a host"), PathPattern::prefix(path).expect("a path"));
    Route::new(host, path, Backend::Upstream("api".into()))
}

fn look_up(hosts: u64, number: u64) {
    let host = |number: u64| format!("shop-{number}.example.com");
    let mut table = RouteTable::builder();
    for number in 0..hosts {
        for path in ["/", "/api", "/static/assets"] {
            table = table.route(route(&host(number), path));
        }
    }
    let table = table.build().expect("a table");
    // Each run makes the same requests beforehand, however many of them it takes.
    let requests: Vec<_> = (0..1_000).map(|index| host(index * 7_919 % hosts)).collect();
    for host in requests.iter().cycle().take(usize::try_from(number).expect("a number")) {
        black_box(table.find(black_box(host), black_box("/api/v1/users")).expect("a route"));
    }
}

fn snapshot(endpoint: SocketAddr) -> Snapshot {
    let upstream = Upstream::new("api", [endpoint]);
    Snapshot::builder()
        .upstream(upstream)
        .route(route("shop-0.example.com", "/api"))
        .build()
        .expect("a snapshot")
}

fn call(log: Option<&AccessLog>, path: &str, number: u64, endpoint: SocketAddr) {
    // The publisher may go: what it has published stays.
    let (_, subscriber) = channel(snapshot(endpoint));
    let client = Connection::new(([127, 0, 0, 1], 50_000).into(), 80);
    let mut proxy = Proxy::new(subscriber, Config::default()).with_connection(client);
    if let Some(log) = log {
        proxy = proxy.with_observer(log.observer());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..number {
            let request = Request::get(path)
                .header(HOST, "shop-0.example.com")
                .header("user-agent", "bench")
                .header("accept", "*/*")
                .header("cookie", "session=0123456789abcdef");
            let answer = proxy.call(request.body(Body::empty()).expect("a request")).await;
            let Ok(answer) = answer;
            answer.into_body().collect().await.expect("a body");
        }
    });
}

#[allow(clippy::print_stdout)] // where it is
fn serve(log: Option<AccessLog>, endpoint: SocketAddr) {
    let (_, subscriber) = channel(snapshot(endpoint));
    let mut server = Server::new(subscriber, Config::default()).listen(([127, 0, 0, 1], 0).into());
    if let Some(log) = log {
        server = server.observe(move |_| log.observer());
    }
    let running = server.workers(NonZeroUsize::MIN).start().expect("a server");
    println!("{}", running.addresses().first().expect("an address"));
    let mut input = std::io::stdin();
    input.read_to_end(&mut Vec::new()).expect("the end of the input");
}
