//! The program itself: flags, log, signals, exit codes.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{Backend, Folder, LONG, get, ingress, service};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ingress-controller");

fn output(flags: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(PROGRAM)
        .args(flags)
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A running program with its log.
struct Program {
    child: Child,
    log: mpsc::Receiver<String>,
    http: SocketAddr,
    https: SocketAddr,
    healthz: SocketAddr,
}

impl Program {
    fn start(folder: &Folder, flags: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("--manifests")
            .arg(folder.path())
            .args([
                "--bind-address=127.0.0.1",
                "--http-port=0",
                "--https-port=0",
                "--healthz-host=127.0.0.1",
                "--healthz-port=0",
            ])
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut program = Self { child, log, http: nowhere, https: nowhere, healthz: nowhere };
        let line = program.line("serving HTTP on ");
        let address = |after: &str| {
            let rest = line.split_once(after).unwrap().1;
            rest.split([',', '/', '"']).next().unwrap().parse().unwrap()
        };
        program.http = address("serving HTTP on ");
        program.https = address("HTTPS on ");
        program.healthz = address("http://");
        program
    }

    /// Waits for a line with a text.
    fn line(&mut self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.log.recv_timeout(LONG) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(error) => panic!("no line with {text:?}: {error}; {before:#?}"),
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (code, help, errors) = output(&["--help"]);
    assert!(code == 0 && errors.is_empty() && help.contains("--manifests <PATH>"), "{help}{errors}");
    let (code, version, _) = output(&["--version"]);
    assert_eq!((code, version), (0, format!("ingress-controller {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_flags_exit_with_two_and_one_line() {
    for (flags, message) in [
        (
            &[][..],
            "--manifests: no file or folder is given, and there is no cluster here; pass one with --manifests=PATH, or ",
        ),
        (&["--http-port=99999"], "--http-port: \"99999\" is no port; pass a number from 0 to 65535"),
        (
            &["--maxmind-license-key=a"],
            "--maxmind-license-key: this flag of ingress-nginx is not supported by this version yet; ",
        ),
        (&["--nope"], "--nope: there is no such flag; see --help"),
        (&["--manifests=/nowhere"], "--manifests: \"/nowhere\" cannot be used: No such file or directory"),
    ] {
        let (code, out, errors) = output(flags);
        assert_eq!((code, out.as_str(), errors.lines().count()), (2, "", 1), "{flags:?}: {errors}");
        assert!(errors.starts_with(&format!("ingress-controller: {message}")), "{flags:?}: {errors}");
    }
}

#[test]
fn a_port_that_is_taken_exits_with_one_and_names_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = Folder::new();
    let manifests = format!("--manifests={}", folder.path().display());
    let flags = ["--http-port", "--https-port", "--healthz-port"];
    for flag in flags {
        let ports = flags.map(|other| format!("{other}={}", if other == flag { port } else { 0 }));
        let hosts = ["--bind-address=127.0.0.1", "--healthz-host=127.0.0.1"];
        let (code, _, errors) = output(&[&manifests, &ports[0], &ports[1], &ports[2], hosts[0], hosts[1]]);
        let message = format!("{flag}: cannot listen on 127.0.0.1:{port}: Address already in use");
        assert!(code == 1 && errors.contains(&message), "{errors}");
        assert!(errors.contains(&format!("or pass another port with {flag}")), "{errors}");
    }
}

#[test]
fn edits_are_live_and_broken_ones_change_nothing() {
    let (api, web) = (Backend::new("api"), Backend::new("web"));
    let folder = Folder::new();
    folder.write("api.yaml", &service("api", api.address));
    folder.write("web.yaml", &service("web", web.address));
    folder.write("ingress.yaml", &ingress("a.test", "/one", "api"));
    let mut program = Program::start(&folder, &[]);
    program.line("a.test: /one → default/api:80 (1 endpoint)");
    let ask = |target: &str| get(program.http, "a.test", target).unwrap();
    assert_eq!(ask("/one"), (200, "api".into()));
    assert_eq!(ask("/two").0, 404);

    folder.write("ingress.yaml", &ingress("a.test", "/two", "web"));
    program.line("1 route added (a.test/two), 1 route removed (a.test/one)");
    let ask = |target: &str| get(program.http, "a.test", target).unwrap();
    assert_eq!(ask("/two"), (200, "web".into()));
    assert_eq!(ask("/one").0, 404);

    folder.write("ingress.yaml", &ingress("a.test", "/three", "web").replace("number: 80", "number: x"));
    let line = program.line("ERROR");
    let wanted = "ingress.yaml:11:55: spec.rules[0].http.paths[0].backend.service.port.number: invalid type: string \"x\", \
                  expected i32; its last good content stays in use";
    assert!(line.contains(wanted), "{line}");
    let ask = |target: &str| get(program.http, "a.test", target).unwrap();
    assert_eq!(ask("/two"), (200, "web".into()));

    folder.remove("ingress.yaml");
    program.line("1 route removed (a.test/two)");
    program.line("resolved: ");
    assert_eq!(get(program.http, "a.test", "/two").unwrap().0, 404);
}

#[test]
fn every_address_is_logged_and_served() {
    let program = Program::start(&Folder::new(), &[]);
    assert_eq!(get(program.http, "a.test", "/").unwrap().0, 404);
    assert_eq!(get(program.healthz, "a.test", "/healthz").unwrap().0, 200);
    // Whoever speaks plain HTTP to the port of HTTPS is told so.
    assert_eq!(get(program.https, "a.test", "/").unwrap().0, 400);
}

#[test]
fn json_lines_are_json() {
    let folder = Folder::new();
    folder.write("broken.yaml", "kind: [\n");
    let mut program = Program::start(&folder, &["--log-format=json"]);
    let line: serde_json::Value = serde_json::from_str(&program.line("broken.yaml")).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().contains("broken.yaml:1:7: is no valid YAML here"), "{line}");
    assert!(line["timestamp"].is_string(), "{line}");
}

/// The order is that of ingress-nginx: the health check fails while traffic still flows, then what runs may end.
#[test]
fn a_signal_fails_the_health_check_first_and_loses_no_request() {
    for signal in ["-TERM", "-INT"] {
        let backend = Backend::new("api");
        let folder = Folder::new();
        folder.write(
            "all.yaml",
            &format!("{}---\n{}", ingress("a.test", "/", "api"), service("api", backend.address)),
        );
        let mut program = Program::start(&folder, &["--shutdown-grace-period=2"]);
        let (http, healthz) = (program.http, program.healthz);
        assert_eq!(get(healthz, "x", "/healthz").unwrap(), (200, "ok".into()));
        let running = std::thread::spawn(move || get(http, "a.test", "/held"));
        let release = backend.held.recv_timeout(LONG).unwrap();

        program.signal(signal);
        program.line("draining");
        // During the grace period: not healthy, and serving.
        assert_eq!(get(healthz, "x", "/healthz").unwrap().0, 500);
        assert_eq!(get(http, "a.test", "/").unwrap(), (200, "api".into()));
        // After it: nothing new, and the request that runs is still there.
        while get(http, "a.test", "/").is_ok() {}
        assert!(!running.is_finished());
        release.send(()).unwrap();
        assert_eq!(running.join().unwrap().unwrap(), (200, "api".into()));
        program.line("drained");
        assert_eq!(program.exit_code(), Some(0));
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let backend = Backend::new("api");
    let folder = Folder::new();
    folder.write(
        "all.yaml",
        &format!("{}---\n{}", ingress("a.test", "/", "api"), service("api", backend.address)),
    );
    let mut program = Program::start(&folder, &[]);
    let http = program.http;
    let running = std::thread::spawn(move || get(http, "a.test", "/held"));
    let release = backend.held.recv_timeout(LONG).unwrap();
    program.signal("-TERM");
    program.line("draining");
    // One that follows at once is the same signal; so it is sent until it counts.
    let again = loop {
        program.signal("-TERM");
        match program.log.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => break line,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(again.contains("SIGTERM again: stopped at once"), "{again}");
    assert_eq!(program.exit_code(), Some(1));
    assert!(running.join().unwrap().is_err());
    drop(release);
}
