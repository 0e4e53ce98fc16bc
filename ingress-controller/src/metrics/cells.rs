//! The numbers of one series as one worker counts them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::buckets::Buckets;
use super::measure::NUMBER;

/// Written by one worker, read by whoever renders: no write is ever shared, so a load and a store are as good as an atomic addition, and
/// cost what a plain variable does.
#[derive(Debug)]
pub(super) struct Cells {
    requests: AtomicU64,
    histograms: [Histogram; NUMBER],
    /// The series was removed: its worker has to register again.
    gone: AtomicBool,
}

#[derive(Debug, Default)]
struct Histogram {
    /// One for each bucket and one above them; none at all if it is not measured.
    counts: Box<[AtomicU64]>,
    /// The bits of a number.
    sum: AtomicU64,
}

impl Cells {
    pub(super) fn new(buckets: &[Option<Buckets>; NUMBER]) -> Self {
        let histograms = buckets.each_ref().map(|buckets| {
            let number = buckets.as_ref().map_or(0, |buckets| buckets.texts().len());
            Histogram { counts: (0..number).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
        });
        Self { requests: AtomicU64::new(0), histograms, gone: AtomicBool::new(false) }
    }

    /// Counts a request. To be called by one thread only.
    pub(super) fn record(&self, buckets: &[Option<Buckets>; NUMBER], values: [Option<f64>; NUMBER]) {
        add(&self.requests);
        for ((histogram, buckets), value) in self.histograms.iter().zip(buckets).zip(values) {
            if let (Some(buckets), Some(value)) = (buckets, value) {
                if let Some(count) = histogram.counts.get(buckets.index(value)) {
                    add(count);
                }
                let sum = f64::from_bits(histogram.sum.load(Relaxed)) + value;
                histogram.sum.store(sum.to_bits(), Relaxed);
            }
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Adds the counts of one histogram to `counts`, and gives its sum.
    pub(super) fn add_to(&self, measure: usize, counts: &mut [u64]) -> f64 {
        let Some(histogram) = self.histograms.get(measure) else { return 0.0 };
        for (total, count) in counts.iter_mut().zip(&histogram.counts) {
            *total += count.load(Relaxed);
        }
        f64::from_bits(histogram.sum.load(Relaxed))
    }

    pub(super) fn remove(&self) {
        self.gone.store(true, Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }
}

fn add(cell: &AtomicU64) {
    cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
}
