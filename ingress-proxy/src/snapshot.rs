//! The door from the control path: one publisher, any number of subscribers, one atomic swap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use ingress_core::Snapshot;
use tokio::sync::watch;

use crate::tls::Terminator;

/// A channel for snapshots. Subscribers begin with `initial`.
pub fn channel(initial: Snapshot) -> (Publisher, Subscriber) {
    let shared = Arc::new(Shared {
        current: ArcSwap::from_pointee(Published::following(None, initial)),
        version: AtomicU64::new(0),
        swapped: watch::Sender::new(0),
    });
    (Publisher { shared: shared.clone() }, Subscriber { shared })
}

#[derive(Debug)]
struct Shared {
    current: ArcSwap<Published>,
    /// Read with every request.
    version: AtomicU64,
    /// The same, for those who wait.
    swapped: watch::Sender<u64>,
}

/// A snapshot, and what is made of it once for all workers.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) terminator: Arc<Terminator>,
}

impl Published {
    fn following(before: Option<&Self>, snapshot: Snapshot) -> Self {
        let terminator = Terminator::following(before.map(|before| &before.terminator), &snapshot);
        Self { snapshot: Arc::new(snapshot), terminator }
    }
}

/// Swaps snapshots in. There is one: the control path is its only holder.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
}

impl Publisher {
    /// Makes `snapshot` the current one. The next request on every worker sees it; running requests keep what they began with.
    ///
    /// Returns false, and changes nothing, if it equals the current one.
    pub fn publish(&self, snapshot: Snapshot) -> bool {
        let before = self.shared.current.load();
        if *before.snapshot == snapshot {
            return false;
        }
        self.shared.current.store(Arc::new(Published::following(Some(&before), snapshot)));
        // After the store: a reader that sees the new version also sees the new snapshot, or a newer one.
        let version = self.shared.version.fetch_add(1, Ordering::Release) + 1;
        self.shared.swapped.send_replace(version);
        true
    }

    /// The current snapshot.
    pub fn current(&self) -> Arc<Snapshot> {
        self.shared.current.load().snapshot.clone()
    }
}

/// Reads the current snapshot.
#[derive(Debug, Clone)]
pub struct Subscriber {
    shared: Arc<Shared>,
}

impl Subscriber {
    /// A number that grows with each swap. Reading it writes no shared memory.
    pub(crate) fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// The current snapshot.
    pub fn current(&self) -> Arc<Snapshot> {
        self.shared.current.load().snapshot.clone()
    }

    /// The current snapshot, and what belongs to it.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.shared.current.load_full()
    }

    /// Waits for a version other than `seen`, and returns it.
    pub(crate) async fn changed(&self, seen: u64) -> u64 {
        let mut swapped = self.shared.swapped.subscribe();
        // It cannot be closed: we hold the sender ourselves.
        swapped.wait_for(|version| *version != seen).await.map_or(seen, |version| *version)
    }
}

#[cfg(test)]
mod tests {
    use ingress_core::{Endpoints, Upstream};

    use super::*;

    #[test]
    fn an_equal_snapshot_is_not_published() {
        let snapshot = |port: u16| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
            Snapshot::builder().upstream(Upstream::new("u", [address])).build().unwrap()
        };
        let (publisher, subscriber) = channel(snapshot(1));
        assert!(!publisher.publish(snapshot(1)));
        assert_eq!(subscriber.version(), 0);
        assert!(publisher.publish(snapshot(2)));
        assert_eq!(subscriber.version(), 1);
        let endpoints = subscriber.current().upstreams.get("u").unwrap().endpoints.clone();
        assert!(matches!(endpoints, Endpoints::Addresses(list) if list[0].address.port() == 2));
    }
}
