//! Latencies of requests: a histogram a thread, merged at the end.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

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
