//! The program as a process of its own.

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::interval;

use super::lines::Lines;
use crate::{Answer, Client, within};

/// The running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// What it writes to the standard error output: its log.
    pub log: Lines,
    /// What it writes to the standard output: the access log.
    pub out: Lines,
}

impl Program {
    /// Starts it. No variable of the environment says where a cluster is but those in `variables`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start<A: AsRef<std::ffi::OsStr>>(
        path: &str,
        flags: impl IntoIterator<Item = A>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(path);
        command.args(flags);
        for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        let spawned = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{path}: {error}"));
        let (errors, out) = (child.stderr.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { child, log: Lines::read(errors), out: Lines::read(out) }
    }

    /// Waits until it serves: where HTTP is served, and where health and metrics are.
    ///
    /// # Panics
    /// If it does not.
    pub async fn serving(&self) -> (SocketAddr, SocketAddr) {
        let line = self.log.line("serving HTTP on ").await;
        let address = |after: &str| {
            let rest = line.split_once(after).expect("an address").1;
            rest.split([',', '/', '"']).next().unwrap_or_default().parse().expect("an address")
        };
        (address("serving HTTP on "), address("http://"))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `-TERM`, `-KILL`.
    ///
    /// # Panics
    /// If it is not there any more.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "a process that takes {signal}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// After [`crate::DEADLINE`].
    pub async fn ended(&mut self) -> ExitStatus {
        within("the program to end", async {
            let mut tick = interval(Duration::from_millis(10));
            loop {
                tick.tick().await;
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
            }
        })
        .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a GET on a connection of its own, or why there is none.
///
/// # Errors
/// What the system says about the connection.
pub async fn ask(address: SocketAddr, host: &str, path: &str) -> std::io::Result<Answer> {
    let mut client = Client::try_connect(address).await?;
    client.try_send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await?;
    client.try_answer("GET").await
}
