//! What statistics count, told when somebody asks for it.
//!
//! The recorder gets what was added since it was told last, not the sums: caches of one name add up, and
//! one that is built anew under an old name goes on where that ended.

use super::meters::Named;
use metrics::{Counter, Gauge};
use parking_lot::Mutex;

type Labels = &'static [(&'static str, &'static str)];
/// The labels that tell it apart, and how many there are.
type Part<S> = (Labels, fn(&S) -> u64);
/// Its name, what it is, and its parts.
pub(super) type Count<S> = (&'static str, &'static str, &'static [Part<S>]);
/// Its name, what it is, and how much it is.
pub(super) type Level<S> = (&'static str, &'static str, fn(&S) -> f64);

/// What is told of statistics of one kind.
pub(super) struct Table<S: 'static> {
    /// What only grows.
    pub(super) counts: &'static [Count<S>],
    /// What is there now.
    pub(super) levels: &'static [Level<S>],
}

/// The handles, and the sums that were told last.
pub(super) struct Totals<S: 'static> {
    table: &'static Table<S>,
    counters: Vec<Counter>,
    gauges: Vec<Gauge>,
    told: Mutex<Vec<u64>>,
}

impl<S> Totals<S> {
    pub(super) fn new(named: &Named, table: &'static Table<S>) -> Self {
        let (mut counters, mut gauges) = (Vec::new(), Vec::new());
        for &(name, of, parts) in table.counts {
            metrics::describe_counter!(name, of);
            let part = |(more, _): &Part<S>| metrics::counter!(name, named.labels(more));
            counters.extend(parts.iter().map(part));
        }
        for &(name, of, _) in table.levels {
            metrics::describe_gauge!(name, of);
            gauges.push(metrics::gauge!(name, named.labels(&[])));
        }
        let told = Mutex::new(vec![0; counters.len()]);
        Self {
            table,
            counters,
            gauges,
            told,
        }
    }

    pub(super) fn publish(&self, stats: &S) {
        let mut told = self.told.lock();
        let parts = self.table.counts.iter().flat_map(|(_, _, parts)| *parts);
        let sums = told.iter_mut().zip(parts);
        let added: Vec<u64> = sums
            .map(|(told, (_, of))| {
                let sum = of(stats);
                // Less where another call, with younger statistics, was faster.
                let added = sum.saturating_sub(*told);
                *told += added;
                added
            })
            .collect();
        // The recorder is others' code.
        drop(told);
        for (counter, added) in self.counters.iter().zip(added) {
            counter.increment(added);
        }
        for (gauge, (_, _, of)) in self.gauges.iter().zip(self.table.levels) {
            gauge.set(of(stats));
        }
    }
}
