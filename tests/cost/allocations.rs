//! Blocks of memory for each request on a kept connection, when all that is kept is there.
//!
//! To see who allocates, `ALLOCATIONS=FILE` has one of these tests write a profile for DHAT's viewer.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use harness::within;
use ingress_controller::args::Args;
use ingress_controller::{AccessLogSink, Controller, RunConfig, RunningController};
use ingress_proxy::{Config, Running, Server, channel};

use crate::client::{Exchange, Http1, Http2};
use crate::{endpoint, scene};

/// Together below the 1 000 requests after which a connection is closed.
const WARM: usize = 100;
const BATCH: usize = 200;
const BATCHES: usize = 4;

/// Holds the blocks that each of these requests takes, re-allocations included, against the most that they may take. What else the process
/// does now and then is less than one for each.
#[track_caller]
fn at_most(most: u64, mut client: impl Exchange) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    (0..WARM).for_each(|_| client.exchange());
    let profiler = dhat::Profiler::builder();
    let _profiler = match std::env::var_os("ALLOCATIONS") {
        Some(file) => profiler.file_name(file).trim_backtraces(None).build(),
        None => profiler.testing().build(),
    };
    let mut batch = || {
        let before = dhat::HeapStats::get().total_blocks;
        (0..BATCH).for_each(|_| client.exchange());
        dhat::HeapStats::get().total_blocks - before
    };
    let fewest = (0..BATCHES).map(|_| batch()).min().unwrap_or_default();
    let blocks = fewest / BATCH as u64;
    println!("{blocks} blocks for each request, {fewest} for {BATCH}");
    assert!(blocks <= most, "{blocks} blocks for each request, where {most} are enough");
}

/// The proxy alone, one worker, without an observer.
fn proxy() -> (Running, SocketAddr) {
    // The publisher may go: what it has published stays.
    let (_, subscriber) = channel(scene::snapshot(endpoint::start()));
    let server = Server::new(subscriber, Config::default()).listen(([127, 0, 0, 1], 0).into());
    let running = server.workers(NonZeroUsize::MIN).start().expect("a proxy");
    let address = running.addresses()[0];
    (running, address)
}

/// The whole program as it runs in a cluster: with the access log and the metrics.
async fn controller(folder: &std::path::Path) -> (RunningController, SocketAddr) {
    let manifests = format!("--manifests={}", folder.display());
    let args = ["controller", &manifests, "--bind-address=127.0.0.1", "--http-port=0", "--https-port=0"];
    let args =
        Args::read(args.iter().chain(&["--healthz-host=127.0.0.1", "--healthz-port=0"])).expect("flags");
    let mut config = RunConfig::from_args(&args).expect("flags that go together");
    config.access_log = AccessLogSink::File("/dev/null".into());
    config.workers = Some(NonZeroUsize::MIN);
    let running = within("the controller to start", Controller::start(config)).await.expect("a controller");
    let address = running.http_addresses()[0];
    (running, address)
}

#[test]
fn get() {
    let (_running, address) = proxy();
    at_most(4, Http1::get(address, "/"));
}

#[test]
fn get_with_access_log_and_metrics() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = scene::manifests(endpoint::start());
    let (_running, address) = runtime.block_on(controller(folder.path()));
    at_most(5, Http1::get(address, "/"));
}

#[test]
fn large_answer() {
    let (_running, address) = proxy();
    at_most(6, Http1::get(address, "/large"));
}

#[test]
fn post() {
    let (_running, address) = proxy();
    let body = "x".repeat(1024);
    let request = format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // One of them is for a body that is read a moment after its head.
    at_most(8, Http1::new(address, request));
}

#[test]
fn get_over_http2() {
    let (_running, address) = proxy();
    at_most(10, Http2::new(address));
}
