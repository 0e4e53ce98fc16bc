//! All series of requests, with the cells of each worker.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ingress_core::ObjectName;

use super::buckets::Buckets;
use super::cells::Cells;
use super::measure::NUMBER;

/// How many series there may be. Each is some kilobytes of a scrape, so a Prometheus has given up long before.
const MOST_SERIES: usize = 10_000;
/// How many of them may be for hosts that no Ingress names: anybody can make these up.
const MOST_UNDEFINED: usize = 1_000;

/// Which limit a series counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Its labels come from Ingresses.
    Known,
    /// Its host comes from a request.
    Undefined,
}

/// One series: what it is called and who counts it.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Arc<str>,
    ingress: Option<ObjectName>,
    scope: Scope,
    /// By the number of the worker; each worker has one at most.
    cells: Mutex<Vec<(usize, Arc<Cells>)>>,
}

impl Series {
    pub(super) fn requests(&self) -> u64 {
        self.cells().iter().map(|(_, cells)| cells.requests()).sum()
    }

    /// The counts of one histogram, over all workers, into `counts`; gives the sum.
    pub(super) fn histogram(&self, measure: usize, counts: &mut [u64]) -> f64 {
        counts.fill(0);
        self.cells().iter().map(|(_, cells)| cells.add_to(measure, counts)).sum()
    }

    fn cells(&self) -> MutexGuard<'_, Vec<(usize, Arc<Cells>)>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All series. The lock is taken by a worker for the first request of a series, and by a scrape.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) buckets: [Option<Buckets>; NUMBER],
    by_labels: Mutex<Map>,
    /// Whether a limit is reached, so that a flood of hosts does not make the workers wait for each other.
    full: AtomicBool,
    undefined_full: AtomicBool,
    unrecorded: AtomicU64,
}

#[derive(Debug, Default)]
struct Map {
    series: BTreeMap<Arc<str>, Arc<Series>>,
    undefined: usize,
}

impl Registry {
    pub(super) fn new(buckets: [Option<Buckets>; NUMBER]) -> Self {
        Self {
            buckets,
            by_labels: Mutex::default(),
            full: AtomicBool::new(false),
            undefined_full: AtomicBool::new(false),
            unrecorded: AtomicU64::new(0),
        }
    }

    /// The cells of a worker for a series, which is made if there is room for it; otherwise the request is counted as not recorded.
    pub(super) fn cells(
        &self,
        worker: usize,
        labels: &str,
        ingress: Option<&ObjectName>,
        scope: Scope,
    ) -> Option<Arc<Cells>> {
        let full = match scope {
            Scope::Known => &self.full,
            Scope::Undefined => &self.undefined_full,
        };
        if full.load(Relaxed) {
            self.unrecorded.fetch_add(1, Relaxed);
            return None;
        }
        let mut map = self.map();
        let series = match map.series.get(labels) {
            Some(series) => series.clone(),
            None if map.is_full(scope) => {
                full.store(true, Relaxed);
                self.unrecorded.fetch_add(1, Relaxed);
                return None;
            }
            None => map.insert(labels, ingress, scope),
        };
        let mut cells = series.cells();
        if let Some((_, cells)) = cells.iter().find(|(number, _)| *number == worker) {
            return Some(cells.clone());
        }
        let new = Arc::new(Cells::new(&self.buckets));
        cells.push((worker, new.clone()));
        Some(new)
    }

    /// Removes the series of Ingresses that are not in `ingresses`. A worker that still has such a series registers it again if it comes
    /// to that.
    pub(super) fn retain(&self, ingresses: &HashSet<ObjectName>) {
        let mut map = self.map();
        map.series.retain(|_, series| {
            let stays = series.ingress.as_ref().is_none_or(|ingress| ingresses.contains(ingress));
            if !stays {
                series.cells().iter().for_each(|(_, cells)| cells.remove());
            }
            stays
        });
        map.undefined = map.series.values().filter(|series| series.scope == Scope::Undefined).count();
        self.full.store(map.is_full(Scope::Known), Relaxed);
        self.undefined_full.store(map.is_full(Scope::Undefined), Relaxed);
    }

    /// All series, ordered by their labels.
    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        self.map().series.values().cloned().collect()
    }

    /// Requests that were not counted for want of room.
    pub(super) fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Relaxed)
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.by_labels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    fn is_full(&self, scope: Scope) -> bool {
        let own = match scope {
            Scope::Known => false,
            Scope::Undefined => self.undefined >= MOST_UNDEFINED,
        };
        own || self.series.len() >= MOST_SERIES
    }

    fn insert(&mut self, labels: &str, ingress: Option<&ObjectName>, scope: Scope) -> Arc<Series> {
        let (labels, cells): (Arc<str>, _) = (labels.into(), Mutex::default());
        let series = Arc::new(Series { labels: labels.clone(), ingress: ingress.cloned(), scope, cells });
        self.series.insert(labels, series.clone());
        self.undefined += usize::from(scope == Scope::Undefined);
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::new([const { None }; NUMBER])
    }

    fn name(name: &str) -> ObjectName {
        ObjectName { namespace: "shop".into(), name: name.into() }
    }

    #[test]
    fn workers_have_cells_of_their_own_and_are_added_up() {
        let registry = registry();
        let cells = |worker| registry.cells(worker, "a", None, Scope::Known).unwrap();
        assert!(Arc::ptr_eq(&cells(0), &cells(0)) && !Arc::ptr_eq(&cells(0), &cells(1)));
        for worker in [0, 1, 1] {
            cells(worker).record(&registry.buckets, [None; NUMBER]);
        }
        assert_eq!(registry.all().iter().map(|series| series.requests()).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn hosts_that_anybody_makes_up_leave_room_for_the_others() {
        let registry = registry();
        for number in 0..MOST_UNDEFINED + 7 {
            registry.cells(0, &format!("host=\"{number}\""), None, Scope::Undefined);
        }
        assert_eq!((registry.all().len(), registry.unrecorded()), (MOST_UNDEFINED, 7));
        assert!(registry.cells(0, "known", Some(&name("web")), Scope::Known).is_some());
        assert_eq!(registry.unrecorded(), 7);
    }

    #[test]
    fn there_is_room_again_when_ingresses_are_gone() {
        let registry = registry();
        for number in 0..MOST_SERIES {
            registry.cells(0, &number.to_string(), Some(&name("old")), Scope::Known);
        }
        assert!(registry.cells(0, "new", Some(&name("web")), Scope::Known).is_none());
        registry.retain(&HashSet::from([name("web")]));
        assert!(registry.cells(0, "new", Some(&name("web")), Scope::Known).is_some());
        assert_eq!(registry.all().len(), 1);
    }
}
