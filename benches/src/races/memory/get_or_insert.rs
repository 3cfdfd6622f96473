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
    workloads(
        "zipf",
        Requests {
            capacity: 100_000,
            warm_up,
            keys,
        },
    )
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
