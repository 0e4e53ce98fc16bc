//! Each example, started as its first line says, does what it prints.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may give up anywhere

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// An example that runs; killed when the test is over.
struct Example {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Example {
    /// Starts the program that cargo has built beside this test.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let program: PathBuf =
            std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples").join(name);
        let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next `curl` line that the example proposes, sent; its answer.
    fn try_next(&mut self) -> String {
        let line =
            self.output.by_ref().lines().map_while(Result::ok).find(|line| line.starts_with("try: curl"));
        let line = line.expect("the example proposes a request");
        let url = line.rsplit("http://").next().unwrap();
        let (address, path) = url.split_once('/').unwrap();
        let mut request = format!("GET /{path} HTTP/1.1\r\nConnection: close\r\n");
        let field =
            line.split("-H '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or("Accept: */*");
        request.push_str(&format!("{field}\r\n"));
        if !field.starts_with("Host:") {
            request.push_str(&format!("Host: {address}\r\n"));
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn assert_answer(answer: &str, status: &str, text: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(text), "{answer}");
}

#[test]
fn static_routes() {
    let mut example = Example::start("static-routes", &[]);
    assert_answer(&example.try_next(), "200", "got GET /api/hello");
}

#[test]
fn embed_axum() {
    let mut example = Example::start("embed-axum", &[]);
    assert_answer(&example.try_next(), "200", "axum itself");
    assert_answer(&example.try_next(), "200", "got GET /shop/cart");
}

#[test]
fn custom_layer() {
    let mut example = Example::start("custom-layer", &[]);
    assert_answer(&example.try_next(), "401", "an X-Api-Key is needed");
    assert_answer(&example.try_next(), "200", "x-served-by: custom-layer");
}

#[test]
fn quickstart() {
    let mut example = Example::start("quickstart", &["--once"]);
    let mut table = String::new();
    example.output.read_to_string(&mut table).unwrap();
    assert!(example.child.wait().unwrap().success(), "{table}");
    assert!(table.contains("/api") && table.contains("404"), "{table}");
}
