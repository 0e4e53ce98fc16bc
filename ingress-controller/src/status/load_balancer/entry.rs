//! What is remembered of one Ingress.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Address;

/// Two writes of one status are never closer than this: the source needs a moment to see the first.
const GAP: Duration = Duration::from_secs(2);
const LONGEST_GAP: Duration = Duration::from_secs(300);
/// After so long without a write nobody fights over it any longer.
const CALM: Duration = Duration::from_secs(600);
/// Written over so often, it is a fight.
const FIGHT: u32 = 3;

/// What is remembered of one Ingress.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// It is ours.
    pub(super) ours: bool,
    /// A write runs.
    pub(super) running: bool,
    /// When a write is due.
    pub(super) due: Option<Instant>,
    /// What we wrote last, or found as we would have written it.
    pub(super) wrote: Option<Vec<Address>>,
    /// How many writes failed in a row.
    pub(super) failures: u32,
    /// When we wrote last.
    at: Option<Instant>,
    /// How often somebody wrote over it.
    overwritten: u32,
}

impl Entry {
    /// Notes a write. True if it is the one that makes it a fight.
    pub(super) fn wrote(&mut self, addresses: Vec<Address>) -> bool {
        let again = self.wrote.as_ref() == Some(&addresses);
        if self.at.is_none_or(|at| at.elapsed() > CALM) {
            self.overwritten = 0;
        }
        self.overwritten += u32::from(again);
        self.wrote = Some(addresses);
        self.at = Some(Instant::now());
        again && self.overwritten == FIGHT
    }

    /// Our addresses are others now: what happened to the old ones does not count.
    pub(super) fn calm(&mut self) {
        self.overwritten = 0;
        self.at = None;
    }

    /// When it may be written next; the wait doubles with each time that somebody wrote over it.
    pub(super) fn not_before(&self) -> Option<Instant> {
        let factor = 1_u32.checked_shl(self.overwritten.saturating_sub(1)).unwrap_or(u32::MAX);
        self.at.map(|at| at + GAP.saturating_mul(factor).min(LONGEST_GAP))
    }
}
