//! How long it takes from a write, at the API server or to a file, to traffic; and what many Ingresses cost.
//!
//! The API server of the tests and the program are processes of their own, so that what is read of the one is not the other's. Both are
//! built with the profile `bench` (thin LTO); the release has fat LTO.
//!
//! `cargo bench -p ingress-tests --bench convergence` takes some minutes; `-- quick` shows that it works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // nobody could go on
#![allow(clippy::print_stdout)] // the result is a table

mod cost;
mod files;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use harness::world::{Program, World, own_address};
use harness::{Answer, Client, Manifests, Upstream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use cost::{Memory, cpu, memory, rest};

const API_SERVER: &str = env!("CARGO_BIN_EXE_api-server");
const PROGRAM: &str = env!("CARGO_BIN_EXE_ingress-controller-under-test");

#[tokio::main]
async fn main() {
    let quick = std::env::args().any(|arg| arg == "quick");
    let (sizes, many, times) = if quick { ([50, 200], 200, 5) } else { ([1000, 20_000], 20_000, 50) };
    for size in sizes {
        one_more(size, times).await;
    }
    all_at_once(many).await;
    files::all(many, times).await;
}

/// An API server in a process of its own, and what is put there.
struct Scene {
    world: World,
    _server: Program,
    _folder: tempfile::TempDir,
    upstreams: [Upstream; 2],
}

impl Scene {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let flag = format!("--kubeconfig={}", kubeconfig.display());
        let server = Program::start(API_SERVER, ["--port=0", &flag], &[]);
        server.out.line("serving at").await;
        let ip = own_address().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let world = World::at(kubeconfig, ip).await;
        let upstreams = [world.upstream("one").await, world.upstream("two").await];
        Self { world, _server: server, _folder: folder, upstreams }
    }

    /// Makes so many Ingresses with three paths, each with a Service and an EndpointSlice of its own; gives how long that took.
    async fn put(&self, count: usize) -> Duration {
        let start = Instant::now();
        let put = |number: usize| async move {
            let service = format!("web-{number}");
            self.world.put_all(&Manifests::new().service_at(&service, [])).await;
            self.world.put(&self.world.slice(&service, &self.upstreams[0])).await;
            let ingress = Manifests::new().ingress(&service).host(&host(number));
            let ingress =
                ingress.prefix("/", &service, 80).prefix("/api", &service, 80).exact("/login", &service, 80);
            self.world.put_all(&ingress).await;
        };
        stream::iter((0..count).map(put)).buffer_unordered(32).collect::<Vec<()>>().await;
        start.elapsed()
    }

    /// Starts the program, and gives how long it took until it served.
    async fn start(&self) -> (Program, SocketAddr, Duration) {
        let start = Instant::now();
        let mut flags = self.world.flags();
        flags.push(format!("--kubeconfig={}", self.world.kubeconfig().display()));
        flags.push("--update-status=false".into());
        flags.push("--disable-sync-events".into());
        flags.push("--disable-leader-election".into());
        let program = Program::start(PROGRAM, flags, &[]);
        let (http, _) = program.serving().await;
        (program, http, start.elapsed())
    }

    fn is_served(&self, answer: &Answer) -> bool {
        answer.status == self.world.status_by_program()
    }
}

fn host(number: usize) -> String {
    format!("web-{number}.test")
}

/// Asks once a millisecond until the answer is as wanted, and gives how long that took.
async fn until(http: SocketAddr, host: &str, wanted: impl Fn(&Answer) -> bool) -> Duration {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut client = Client::connect(http).await;
    let start = Instant::now();
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asked = async {
        loop {
            tick.tick().await;
            client.send(&request).await;
            let answer = client.answer().await;
            if wanted(&answer) {
                return start.elapsed();
            }
            if answer.head.lists("connection", "close") {
                client = Client::connect(http).await;
            }
        }
    };
    timeout(Duration::from_secs(120), asked).await.expect("an answer as wanted within two minutes")
}

/// With so many Ingresses: the start, one Ingress more, and other endpoints.
async fn one_more(size: usize, times: usize) {
    let scene = Scene::begin().await;
    scene.put(size).await;
    let (program, http, ready) = scene.start().await;
    println!("\n{size} Ingresses with 3 paths, a Service and an EndpointSlice each");
    println!("  start to ready                      {}", millis(ready));
    rest(&program, cpu(&program)).await;
    println!("  memory                              {}", memory(&program));
    let during = Memory::begin(&program);
    let mut new = Vec::new();
    for number in 0..times {
        let before = cpu(&program);
        let (name, host) = (format!("new-{number}"), format!("new-{number}.test"));
        scene.world.put_ingress(&name, &host, "web-0").await;
        new.push(until(http, &host, |answer| scene.is_served(answer)).await);
        // One change is measured, and not how they queue up.
        rest(&program, before).await;
    }
    report("new Ingress to its first request", new);
    // Without an address that endpoints may have nobody sees where a request goes.
    if scene.world.status_by_program() == 200 {
        let mut moved = Vec::new();
        for number in 0..times {
            let before = cpu(&program);
            let upstream = &scene.upstreams[(number + 1) % 2];
            let mut slice = scene.world.slice("web-1", upstream);
            slice["metadata"]["name"] =
                scene.world.slice("web-1", &scene.upstreams[0])["metadata"]["name"].clone();
            scene.world.put(&slice).await;
            let name = ["one", "two"][(number + 1) % 2];
            moved.push(until(http, &host(1), |answer| answer.body == name.as_bytes()).await);
            rest(&program, before).await;
        }
        report("other endpoint to its first request", moved);
    }
    println!("  memory during the changes           {}", during.told(&program));
    println!("  CPU since the start                 {}", millis(cpu(&program)));
}

/// So many Ingresses are made while it runs.
async fn all_at_once(count: usize) {
    let scene = Scene::begin().await;
    let (program, http, _) = scene.start().await;
    let written = scene.put(count).await;
    let late = until(http, &host(count - 1), |answer| scene.is_served(answer)).await;
    // What was written before the last one is served too.
    for number in (0..count).step_by(100) {
        until(http, &host(number), |answer| scene.is_served(answer)).await;
    }
    println!("\n{count} Ingresses made at once, 32 at a time, while it runs");
    println!("  writing them                        {}", millis(written));
    println!("  from the last write to the last one {}", millis(late));
    println!("  CPU, memory                         {}, {}", millis(cpu(&program)), memory(&program));
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("  {what:<36}median {}, p90 {}, most {}", millis(at(50)), millis(at(90)), millis(at(100)));
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
