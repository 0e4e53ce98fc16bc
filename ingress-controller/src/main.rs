//! The `ingress-controller` program: flags, logger and signals around the library.

use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use ingress_controller::args::{Args, NoArgs};
use ingress_controller::{Controller, Error, RunConfig, telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// It costs less than that of the C library where connections come and go (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(NoArgs::Print(text)) => {
            // A closed pipe is no failure of ours.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(NoArgs::Wrong(message)) => return refuse(&message, 2),
    };
    telemetry::init(args.log_format, args.verbosity);
    args.log_notices();
    let result = RunConfig::from_args(&args).and_then(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|source| Error::System { part: "main thread", source })?.block_on(run(config))
    });
    match result {
        Ok(code) => code,
        Err(error) if error.exit_code() == 2 => refuse(&error.to_string(), 2),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn refuse(message: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ingress-controller: {message}");
    ExitCode::from(code)
}

/// A signal so soon after the first is the same one: some senders signal the process and its group.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// A start that takes longer waits for an API server: nobody is served yet.
const SOON: Duration = Duration::from_secs(1);

/// Serves until the first signal, then drains; a second signal ends that.
async fn run(config: RunConfig) -> Result<ExitCode, Error> {
    let mut signals = Signals::new()?;
    let timeout = config.worker_shutdown_timeout;
    let mut start = pin!(Controller::start(config));
    let (controller, early) = tokio::select! {
        biased;
        started = &mut start => (started?, None),
        // Somebody may be served already, so what begins is ended in order.
        name = signals.next() => match tokio::time::timeout(SOON, &mut start).await {
            Ok(started) => (started?, Some(name)),
            Err(_) => {
                tracing::info!("{name}: stopped, nothing was served yet");
                return Ok(ExitCode::SUCCESS);
            }
        }
    };
    let name = match early {
        Some(name) => name,
        None => signals.next().await,
    };
    let timeout = timeout.unwrap_or_else(|| controller.worker_shutdown_timeout());
    let connections = controller.connections();
    let drain = controller.drain(timeout);
    tracing::info!("{name}: draining, with {connections} open connections; a second signal stops at once");
    tokio::select! {
        drained = drain => {
            match drained.cut {
                0 => tracing::info!("drained"),
                cut => tracing::warn!("drained, {cut} connections were still open after {timeout:?} and were cut"),
            }
            Ok(ExitCode::SUCCESS)
        }
        name = signals.next_after(SAME_SIGNAL) => {
            tracing::warn!("{name} again: stopped at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let signals = || -> std::io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        signals().map_err(|source| Error::System { part: "signal handlers", source })
    }

    async fn next_after(&mut self, time: Duration) -> &'static str {
        let start = Instant::now();
        loop {
            let name = self.next().await;
            if start.elapsed() >= time {
                return name;
            }
        }
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
