//! What a process has used, as Linux tells it.

use std::fs::{read_dir, read_to_string, write};
use std::time::Duration;

use harness::world::Program;
use tokio::time::{Instant, interval};

/// The processor time of the process since its start.
pub(crate) fn cpu(program: &Program) -> Duration {
    let threads = read_dir(format!("/proc/{}/task", program.id())).into_iter().flatten().flatten();
    let nanoseconds = |thread: std::fs::DirEntry| {
        let text = read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_default()
    };
    Duration::from_nanos(threads.map(nanoseconds).sum())
}

/// Waits until the program is at rest: until it has not worked for longer than it worked since `before`. So long it rests after a change.
pub(crate) async fn rest(program: &Program, before: Duration) {
    let mut tick = interval(Duration::from_millis(5));
    let (mut last, mut since) = (cpu(program), Instant::now());
    loop {
        tick.tick().await;
        let now = cpu(program);
        // Timers of idle workers are no work.
        if now.saturating_sub(last) > Duration::from_millis(1) {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > now.saturating_sub(before) + Duration::from_millis(20) {
            return;
        }
    }
}

/// The memory of a process around one change or more.
#[derive(Debug)]
pub(crate) struct Memory {
    before: u64,
}

impl Memory {
    /// From now on.
    pub(crate) fn begin(program: &Program) -> Self {
        // What this does is said in proc(5): the peak is that of now.
        let _ = write(format!("/proc/{}/clear_refs", program.id()), "5");
        Self { before: kib(program, "VmRSS:") }
    }

    /// How much it was, and is at most since then.
    pub(crate) fn told(&self, program: &Program) -> String {
        let peak = kib(program, "VmHWM:");
        let ratio = peak as f64 / self.before.max(1) as f64;
        format!("{} MiB, at most {} MiB ({ratio:.2} times)", self.before >> 10, peak >> 10)
    }
}

/// The peak since the start, and what is resident now.
pub(crate) fn memory(program: &Program) -> String {
    format!("{} MiB, peak {} MiB", kib(program, "VmRSS:") >> 10, kib(program, "VmHWM:") >> 10)
}

fn kib(program: &Program, name: &str) -> u64 {
    let status = read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}
