//! What the suites share: upstream servers that record what they get, clients that send exact bytes, manifests, and the program itself,
//! all in one process and on loopback.
//!
//! Nothing here sleeps for a fixed time. Whatever is waited for has a name and a deadline: [`within`].

// A test that cannot go on has to fail where it stands, with the reason; there is no caller who could do better.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod api_server;
mod client;
mod commands;
mod datagrams;
mod h2;
mod h3;
mod io;
mod load;
mod manifests;
mod pki;
mod run;
mod scripts;
#[cfg(test)]
mod tests;
mod tls;
mod upstream;
mod wire;
pub mod world;

use std::future::Future;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

pub use client::{Answer, Client};
pub use commands::{Output, command};
pub use datagrams::{Datagrams, Echo, free_udp_port};
pub use h2::H2;
pub use h3::H3;
pub use load::{Load, Outcome, Plan, Tally};
pub use manifests::{Manifests, Port, ServicePort};
pub use pki::{Algorithm, Authority, Identity, Wish};
pub use run::{
    Harness, one, serve, serve_configured, serve_one, serve_set, serve_snapshot, serve_with, snapshot, start,
    start_with,
};
pub use tls::{Agreed, Tls, TlsServer};
pub use upstream::{Conn, Gate, Recorded, Turn, Upstream};
pub use wire::{Framing, Head};

/// The longest that anything may take; generous, because the machine may be busy with other things.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Awaits `future`, and fails with `what` if that takes longer than [`DEADLINE`].
///
/// # Panics
/// When the time is up.
#[track_caller]
pub fn within<F: Future>(what: impl std::fmt::Display, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(output) => output,
            Err(_) => panic!("waited {DEADLINE:?} in vain for {what} (at {caller})"),
        }
    }
}

/// Waits until `look` finds what it looks for, asking again and again.
///
/// # Panics
/// After [`DEADLINE`].
#[track_caller]
pub fn until<T>(what: impl std::fmt::Display, look: impl AsyncFn() -> Option<T>) -> impl Future<Output = T> {
    within(what, async move {
        let mut tick = interval(Duration::from_millis(10));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
}

/// So many connections, or fewer where the system lets this process hold too few descriptors: each needs four when it is forwarded, and
/// other tests run beside. From 16 000 descriptors on (`ulimit -n`) nobody is cut short.
pub fn affordable(connections: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    match soft {
        Some(soft) if soft < 16_000 => connections.min(soft / 20),
        _ => connections,
    }
}
