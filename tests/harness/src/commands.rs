//! Programs of others.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::within;

/// What a program has written.
#[derive(Debug, Clone)]
pub struct Output {
    /// It has ended well.
    pub success: bool,
    /// Its standard output.
    pub out: String,
    /// Its standard error output.
    pub errors: String,
}

/// Runs a program with this input to its end.
///
/// # Panics
/// If it is not installed, or does not end.
pub async fn command(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be run ({error}); this test needs it installed"));
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have ended without reading.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = within(format!("{program} to end"), child.wait_with_output()).await.expect("its output");
    Output {
        success: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
