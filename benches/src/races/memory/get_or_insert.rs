//! Get, and insert on a miss: the time of a request and the share that missed, on one and two threads.

use std::rc::Rc;

use super::caches::Shared;
use super::round::{Round, entered};
use super::serve::{serve, serve_by};
use crate::races::traces;
use crate::{Effort, Sample, Sequence, Workload};

/// What a cache is asked for.
struct Requests {
    capacity: usize,
    /// Served once, by one thread, before the clock starts.
    warm_up: Vec<u64>,
    keys: Vec<u64>,
}

impl Requests {
    fn warmed<C: Shared>(&self) -> C {
        let cache = C::of_capacity(self.capacity);
        serve(&cache, &self.warm_up, true);
        cache.settle();
        cache
    }
}

/// Time of a request. A cache that was warmed up lives from round to round; others begin empty in every round.
#[derive(Clone)]
struct Replay {
    requests: Rc<Requests>,
    threads: usize,
}

impl Round for Replay {
    type Kept<C: Shared> = Option<C>;

    fn begin<C: Shared>(&self) -> Option<C> {
        let is_warm = !self.requests.warm_up.is_empty();
        is_warm.then(|| self.requests.warmed())
    }

    fn run<C: Shared>(&self, warm: &Option<C>) -> Sample {
        let Requests { capacity, keys, .. } = &*self.requests;
        let run = |cache: &C| {
            Sample::timed(keys.len(), || {
                serve_by(cache, keys, self.threads, true).wrong
            })
        };
        match warm {
            Some(cache) => run(cache),
            None => run(&C::of_capacity(*capacity)),
        }
    }
}

/// The share of the requests that missed: each round with a new cache, or the keys of the round before would be known.
#[derive(Clone)]
struct Misses(Replay);

impl Round for Misses {
    type Kept<C: Shared> = ();

    fn begin<C: Shared>(&self) {}

    fn run<C: Shared>(&self, (): &()) -> Sample {
        let Replay { requests, threads } = &self.0;
        let cache: C = requests.warmed();
        let served = serve_by(&cache, &requests.keys, *threads, true);
        let ratio = 1.0 - served.hits as f64 / requests.keys.len() as f64;
        Sample::new(ratio, served.wrong)
    }
}

/// The share that missed when the same requests come again and again: its peers' hit ratios show that the design page
/// measures so.
#[derive(Clone)]
struct MissesAgain(Rc<Requests>);

impl Round for MissesAgain {
    type Kept<C: Shared> = ();

    fn begin<C: Shared>(&self) {}

    fn run<C: Shared>(&self, (): &()) -> Sample {
        let Requests { capacity, keys, .. } = &*self.0;
        let cache = C::of_capacity(*capacity);
        let passes = [(); 4].map(|()| serve(&cache, keys, true));
        let ratio = 1.0 - passes[3].hits as f64 / keys.len() as f64;
        Sample::new(ratio, passes.iter().map(|pass| pass.wrong).sum())
    }
}

/// How many requests come four times.
const AGAIN: usize = 2_000_000;

/// The keys, or the first [`AGAIN`] of them, served four times.
fn again(label: &str, capacity: usize, mut keys: Vec<u64>) -> Workload {
    keys.truncate(AGAIN);
    let warm_up = Vec::new();
    let requests = Requests {
        capacity,
        warm_up,
        keys,
    };
    let round = MissesAgain(Rc::new(requests));
    entered(format!("{label}-misses-again"), "miss_ratio", 0, &round)
}

/// Caches evict differently, so what they must agree on is that no value was wrong.
fn workloads(label: &str, requests: Requests) -> Vec<Workload> {
    let requests = Rc::new(requests);
    let replays = [1, 2].map(|threads| Replay {
        requests: Rc::clone(&requests),
        threads,
    });
    let [misses, misses_2t] = replays.clone().map(Misses);
    let [one, two] = &replays;
    vec![
        entered(format!("{label}-1t"), "ns", 0, one),
        entered(format!("{label}-2t"), "ns", 0, two),
        entered(format!("{label}-misses"), "miss_ratio", 0, &misses),
        entered(format!("{label}-misses-2t"), "miss_ratio", 0, &misses_2t),
    ]
}

/// Zipf 0.99 over 1,000,000 keys, room for 100,000, the cache warm.
pub(super) fn zipf(effort: Effort) -> Vec<Workload> {
    let mut sequence = Sequence::seeded(7);
    let warm_up = sequence.zipf(effort.operations(4_000_000), 1_000_000, 0.99);
    let keys = sequence.zipf(effort.operations(2_000_000), 1_000_000, 0.99);
    let repeated = again("zipf", 100_000, keys.clone());
    let mut all = workloads(
        "zipf",
        Requests {
            capacity: 100_000,
            warm_up,
            keys,
        },
    );
    all.push(repeated);
    all
}

/// The trace P3, room for 50,000, from an empty cache on.
pub(super) fn p3(effort: Effort) -> Vec<Workload> {
    let mut all = trace("p3", "P3", 50_000, effort);
    all.push(again("p3", 50_000, traces::keys("P3", effort)));
    all
}

/// A shared trace, from an empty cache on.
pub(super) fn trace(label: &str, trace: &str, capacity: usize, effort: Effort) -> Vec<Workload> {
    workloads(
        label,
        Requests {
            capacity,
            warm_up: Vec::new(),
            keys: traces::keys(trace, effort),
        },
    )
}
