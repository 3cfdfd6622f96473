//! Reads that all hit, on one and two threads.

use std::rc::Rc;

use super::caches::Shared;
use super::round::{Round, entered};
use super::serve::{serve, serve_by};
use crate::{Effort, Sample, Sequence, Workload};

#[derive(Clone)]
struct AllHit {
    keys: Rc<Vec<u64>>,
    /// Each of the keys once.
    distinct: Rc<Vec<u64>>,
    threads: usize,
}

impl Round for AllHit {
    type Kept<C: Shared> = C;

    fn begin<C: Shared>(&self) -> C {
        // Room to spare: sharded caches fill unevenly.
        let cache = C::of_capacity(self.distinct.len() * 2);
        serve(&cache, &self.distinct, true);
        cache.settle();
        cache
    }

    fn run<C: Shared>(&self, cache: &C) -> Sample {
        Sample::timed(self.keys.len(), || {
            let served = serve_by(cache, &self.keys, self.threads, false);
            served.hits ^ served.wrong << 32
        })
    }
}

/// Zipf reads over 1,000,000 keys that are all there; one that misses is a wrong answer.
pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    let mut sequence = Sequence::seeded(8);
    let keys = sequence.zipf(
        effort.operations(2_000_000),
        effort.operations(1_000_000) as u64,
        0.99,
    );
    let mut distinct = keys.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let (keys, distinct) = (Rc::new(keys), Rc::new(distinct));
    let workload = |threads| {
        let round = AllHit {
            keys: Rc::clone(&keys),
            distinct: Rc::clone(&distinct),
            threads,
        };
        let hits = keys.len() as u64;
        entered(format!("allhit-{threads}t"), "ns", hits, &round)
    };
    [1, 2].map(workload).into()
}
