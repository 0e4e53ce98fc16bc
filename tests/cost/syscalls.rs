//! System calls of the program for each request and for each connection, as strace counts them.
//!
//! They are ignored where nobody asks for them by name, because strace must be there and allowed to trace: `.ci/run` sees to that.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::world::Program;
use tempfile::TempDir;

use crate::client::{Exchange as _, Http1};
use crate::{endpoint, scene};

/// As of `tests/controller`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ingress-controller-under-test");

/// Enough that what the program does now and then, on all its threads, is less than one for each.
const NUMBER: u64 = 500;

/// The program with one worker, and its files.
struct Scene {
    program: Program,
    address: SocketAddr,
    _files: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let files = scene::manifests(endpoint::start());
        let folder = format!("--manifests={}", files.path().display());
        let flags = [
            &folder,
            "--bind-address=127.0.0.1",
            "--http-port=0",
            "--https-port=0",
            "--healthz-host=127.0.0.1",
            "--healthz-port=0",
            "--worker-processes=1",
        ];
        let program = Program::start(PROGRAM, flags, &[]);
        let (address, _) = program.serving().await;
        Self { program, address, _files: files }
    }

    /// What the program calls, and how often, while `act` runs.
    fn calls(&self, act: impl FnOnce()) -> Calls {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let counts = folder.path().join("counts");
        let strace = Strace::attach(self.program.id(), &counts);
        act();
        strace.detach();
        Calls::read(&counts)
    }
}

/// strace, attached to a process.
struct Strace {
    child: Child,
}

impl Strace {
    fn attach(process: u32, counts: &Path) -> Self {
        let mut command = Command::new("strace");
        command.args(["-c", "-f", "-U", "calls,name", "-o"]).arg(counts).args(["-p", &process.to_string()]);
        let spawned = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("this test needs strace: {error}"));
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let first = lines.next().unwrap_or_default();
        assert!(
            first.contains("attached"),
            "this test needs to be allowed to trace (CAP_SYS_PTRACE): {first}"
        );
        // What it says later must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child }
    }

    fn detach(mut self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "a strace that runs");
        self.child.wait().expect("its end");
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// How often each system call was made.
#[derive(Debug)]
struct Calls(BTreeMap<String, u64>);

impl Calls {
    fn read(counts: &Path) -> Self {
        let text = std::fs::read_to_string(counts).expect("what strace has counted");
        let line = |line: &str| {
            let (calls, name) = line.trim().split_once(' ')?;
            Some((name.trim().to_owned(), calls.parse().ok()?))
        };
        let mut calls: BTreeMap<_, _> = text.lines().filter_map(line).collect();
        calls.remove("total");
        assert!(!calls.is_empty(), "{text}");
        Self(calls)
    }

    /// Takes these out, and says how many they were for each of the [`NUMBER`].
    fn take(&mut self, names: &[&str]) -> f64 {
        let taken = |name: &&str| self.0.remove(*name).unwrap_or_default();
        names.iter().map(taken).sum::<u64>() as f64 / NUMBER as f64
    }

    fn rest(&self) -> f64 {
        self.0.values().sum::<u64>() as f64 / NUMBER as f64
    }
}

/// What moves bytes.
const DATA: [&str; 8] = ["read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg"];

/// For what happens now and then: the writing of the access log, and whatever else goes by the clock.
const NOW_AND_THEN: f64 = 0.4;

/// Two for each side: less cannot be done over a socket. And one wait for each side, as only one request is under way at a time.
#[ignore = "needs strace, and to be allowed to trace"]
#[tokio::test]
async fn system_calls_of_a_request() {
    let scene = Scene::new().await;
    let mut client = Http1::get(scene.address, "/");
    (0..10).for_each(|_| client.exchange());
    let mut calls = scene.calls(|| (0..NUMBER).for_each(|_| client.exchange()));
    println!("{calls:?}");
    let (data, waits) = (calls.take(&DATA), calls.take(&["epoll_wait"]));
    assert!((4.0..4.0 + NOW_AND_THEN).contains(&data), "{data} that move bytes, where 4 are enough");
    assert!(waits < 2.0 + NOW_AND_THEN, "{waits} times waited, where twice is enough");
    assert!(calls.rest() < NOW_AND_THEN, "calls that no request needs: {calls:?}");
}

/// With one request on it, and its end.
#[ignore = "needs strace, and to be allowed to trace"]
#[tokio::test]
async fn system_calls_of_a_connection() {
    let scene = Scene::new().await;
    let exchange = || Http1::get(scene.address, "/").exchange();
    (0..10).for_each(|_| exchange());
    let mut calls = scene.calls(|| (0..NUMBER).for_each(|_| exchange()));
    println!("{calls:?}");
    let waits = calls.take(&["epoll_wait"]);
    assert!(waits < 2.5 + NOW_AND_THEN, "{waits} times waited, where twice is enough");
    let rest = calls.rest();
    assert!(rest < 13.0 + NOW_AND_THEN, "{rest} calls, where 13 are enough: {calls:?}");
}
