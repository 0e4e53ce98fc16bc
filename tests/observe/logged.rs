//! A proxy with an access log that a test can read.

use std::io;

use harness::{Harness, serve_configured, within};
use ingress_core::Snapshot;
use ingress_proxy::{AccessLog, Config};
use tokio::sync::watch;

/// A proxy that logs.
pub(crate) struct Logged {
    pub(crate) harness: Harness,
    written: watch::Sender<Vec<u8>>,
}

struct Sink(watch::Sender<Vec<u8>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    /// Serves a snapshot.
    pub(crate) async fn serve(snapshot: Snapshot, config: Config) -> Self {
        let written = watch::Sender::new(Vec::new());
        let log = AccessLog::new(Sink(written.clone())).expect("a thread");
        let observe = move |server: ingress_proxy::Server| server.observe(move |_| log.observer());
        Self { harness: serve_configured(snapshot, config, observe).await, written }
    }

    /// Waits for so many lines, and returns all.
    pub(crate) async fn lines(&self, count: usize) -> Vec<String> {
        let mut written = self.written.subscribe();
        let enough = |bytes: &Vec<u8>| bytes.iter().filter(|&&byte| byte == b'\n').count() >= count;
        let bytes = within(format!("{count} lines in the log"), written.wait_for(enough)).await;
        let text = String::from_utf8(bytes.expect("a log that is open").clone()).expect("a log of ASCII");
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for the only line.
    pub(crate) async fn line(&self) -> String {
        let lines = self.lines(1).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap_or_default()
    }
}

/// Holds a line against one in which `<time>` stands for the time of day, `<s>` for seconds, and `<id>` for an id.
#[track_caller]
pub(crate) fn assert_line(line: &str, expected: &str) {
    let parts = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    // The time of day has a blank in it.
    let expected_parts = parts(&expected.replace("[<time>]", "[<day> <zone>]"));
    let got = parts(line);
    assert_eq!(got.len(), expected_parts.len(), "\n got      {line}\n expected {expected}");
    for (got, expected_part) in got.iter().zip(&expected_parts) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let same = match expected_part.trim_end_matches(',') {
            "[<day>" => got.len() == "[02/Jan/2006:15:04:05".len(),
            "<zone>]" => got == "+0000]",
            "<s>" => got
                .trim_end_matches(',')
                .split_once('.')
                .is_some_and(|(whole, rest)| digits(whole) && digits(rest) && rest.len() == 3),
            "<id>" => got.len() == 32 && got.bytes().all(|byte| byte.is_ascii_hexdigit()),
            _ => got == expected_part,
        };
        assert!(same, "{got:?} for {expected_part:?}\n got      {line}\n expected {expected}");
    }
}
