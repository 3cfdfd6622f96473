//! Latencies of requests: a histogram a thread, merged at the end.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::answer::{Answer, ByAnswer};

/// The longest latency told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(600);

/// Latencies in nanoseconds, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
}

/// Latencies that a share of the requests stayed within, in nanoseconds, to three digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Percentiles {
    /// Half of the requests.
    pub p50: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// All.
    pub max: u64,
}

/// How long reads took by who answered them, and puts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct LatencyByTier {
    /// Reads that the memory tier answered.
    pub memory: Percentiles,
    /// Reads that the disk tier answered.
    pub disk: Percentiles,
    /// Reads that the store answered.
    pub store: Percentiles,
    /// Reads of keys that nobody held, without the making of their values.
    pub origin: Percentiles,
    /// Puts, until they were acknowledged.
    pub put: Percentiles,
}

impl LatencyByTier {
    pub(crate) fn of(reads: &ByAnswer<Latencies>, puts: &Latencies) -> Self {
        Self {
            memory: reads[Answer::Memory].percentiles(),
            disk: reads[Answer::Disk].percentiles(),
            store: reads[Answer::Store].percentiles(),
            origin: reads[Answer::Origin].percentiles(),
            put: puts.percentiles(),
        }
    }

    /// Names and figures, of those that took place.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'static str, Percentiles)> {
        let rows = [
            ("read from memory", self.memory),
            ("read from the disk tier", self.disk),
            ("read from the store", self.store),
            ("read that found nothing", self.origin),
            ("put", self.put),
        ];
        rows.into_iter()
            .filter(|(_, latency)| *latency != Percentiles::default())
    }
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let highest = LONGEST.as_nanos() as u64;
        let histogram = Histogram::new_with_bounds(1, highest, 3);
        Self {
            histogram: histogram.expect("bounds and digits that the histogram accepts"),
        }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(nanoseconds);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let added = self.histogram.add(&other.histogram);
        added.expect("histograms of equal bounds");
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        if self.histogram.is_empty() {
            return Percentiles::default();
        }
        let at = |quantile| self.histogram.value_at_quantile(quantile);
        Percentiles {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: self.histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_merged_threads() {
        let mut merged = Latencies::new();
        assert_eq!(merged.percentiles(), Percentiles::default());
        for thread in 0..2_u64 {
            let mut latencies = Latencies::new();
            for step in 1..=500 {
                latencies.record(Duration::from_nanos(thread * 500 + step));
            }
            merged.merge(&latencies);
        }
        let wanted = Percentiles {
            p50: 500,
            p99: 990,
            p999: 999,
            max: 1000,
        };
        assert_eq!(merged.percentiles(), wanted);
    }

    #[test]
    fn a_latency_beyond_the_longest_counts_as_the_longest() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::MAX);
        let max = Duration::from_nanos(latencies.percentiles().max);
        assert!(max >= LONGEST && max < LONGEST * 2, "{max:?}");
    }
}
