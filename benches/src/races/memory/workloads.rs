//! Get with insert on a miss, all-hit reads, miss ratios and bytes an entry, on one and two threads.

use std::rc::Rc;
use std::sync::Barrier;

use cache_tiered::MemoryCache;

use super::caches::Shared;
use crate::races::traces;
use crate::{Contender, Effort, Sample, Sequence, Workload, allocated_bytes};

type QuickCache = quick_cache::sync::Cache<u64, u64>;
type Moka = moka::sync::Cache<u64, u64>;
type MiniMoka = mini_moka::sync::Cache<u64, u64>;

/// A workload of the four caches, each entered by `$make::<Cache>(arguments)`.
macro_rules! four {
    ($name:expr, $unit:literal, $make:ident, $($argument:expr),*) => {
        Workload::new("memory", $name, $unit)
            .with($make::<MemoryCache<u64, u64>>($($argument),*))
            .with($make::<QuickCache>($($argument),*))
            .with($make::<Moka>($($argument),*))
            .with($make::<MiniMoka>($($argument),*))
    };
}

/// What became of a share of the keys.
#[derive(Clone, Copy, Default)]
struct Served {
    hits: u64,
    wrong: u64,
}

fn value_of(key: u64) -> u64 {
    key.rotate_left(17) ^ 0x5bd1
}

/// Reads each key, and inserts it where it missed and `fill` says so.
fn serve<C: Shared>(cache: &C, keys: &[u64], fill: bool) -> Served {
    let mut served = Served::default();
    for &key in keys {
        match cache.value(key) {
            Some(value) => {
                served.hits += 1;
                served.wrong += u64::from(value != value_of(key));
            }
            None if fill => cache.put(key, value_of(key)),
            None => {}
        }
    }
    served
}

/// The same by `threads` threads, each with a stretch of the keys.
fn serve_by<C: Shared>(cache: &C, keys: &[u64], threads: usize, fill: bool) -> Served {
    if threads == 1 {
        return serve(cache, keys, fill);
    }
    let gate = Barrier::new(threads);
    std::thread::scope(|scope| {
        let stretches: Vec<_> = keys
            .chunks(keys.len().div_ceil(threads))
            .map(|stretch| {
                let gate = &gate;
                scope.spawn(move || {
                    gate.wait();
                    serve(cache, stretch, fill)
                })
            })
            .collect();
        stretches
            .into_iter()
            .fold(Served::default(), |sum, stretch| {
                let served = stretch.join().expect("a cache that does not panic");
                Served {
                    hits: sum.hits + served.hits,
                    wrong: sum.wrong + served.wrong,
                }
            })
    })
}

/// What a cache is asked for: after a warm-up, the same keys in every round; without one, the cache begins empty
/// in every round.
struct Requests {
    capacity: usize,
    warm_up: Vec<u64>,
    keys: Vec<u64>,
}

/// Serves the requests round by round.
struct Server<C> {
    requests: Rc<Requests>,
    /// The cache that lives from round to round.
    warm: Option<C>,
}

impl<C: Shared> Server<C> {
    fn new(requests: &Rc<Requests>) -> Self {
        let warm = (!requests.warm_up.is_empty()).then(|| {
            let cache = C::of_capacity(requests.capacity);
            serve(&cache, &requests.warm_up, true);
            cache
        });
        Self {
            requests: Rc::clone(requests),
            warm,
        }
    }

    fn round<R>(&self, run: impl FnOnce(&C, &[u64]) -> R) -> R {
        match &self.warm {
            Some(cache) => run(cache, &self.requests.keys),
            None => run(&C::of_capacity(self.requests.capacity), &self.requests.keys),
        }
    }
}

/// Time of a request, the cache filling itself. The caches evict differently, so what must agree is
/// that no value was wrong; the hits are a workload of their own.
fn replayed<C: Shared>(requests: &Rc<Requests>, threads: usize) -> Contender {
    let server = Server::<C>::new(requests);
    Contender::new(C::NAME, move || {
        server.round(|cache, keys| {
            Sample::timed(keys.len(), || serve_by(cache, keys, threads, true).wrong)
        })
    })
}

fn missed<C: Shared>(requests: &Rc<Requests>) -> Contender {
    let server = Server::<C>::new(requests);
    Contender::new(C::NAME, move || {
        server.round(|cache, keys| {
            let served = serve(cache, keys, true);
            Sample::new(1.0 - served.hits as f64 / keys.len() as f64, served.wrong)
        })
    })
}

fn get_or_insert(label: &str, requests: Requests) -> Vec<Workload> {
    let requests = Rc::new(requests);
    let mut workloads: Vec<Workload> = [1, 2]
        .map(|threads| {
            four!(
                format!("{label}-{threads}t"),
                "ns",
                replayed,
                &requests,
                threads
            )
        })
        .into();
    workloads.push(four!(
        format!("{label}-misses"),
        "miss_ratio",
        missed,
        &requests
    ));
    workloads
}

/// Zipf 0.99 over 1,000,000 keys, room for 100,000, the cache warm.
pub(super) fn zipf(effort: Effort) -> Vec<Workload> {
    let mut sequence = Sequence::seeded(7);
    let warm_up = sequence.zipf(effort.operations(4_000_000), 1_000_000, 0.99);
    let keys = sequence.zipf(effort.operations(2_000_000), 1_000_000, 0.99);
    get_or_insert(
        "zipf",
        Requests {
            capacity: 100_000,
            warm_up,
            keys,
        },
    )
}

/// The trace P3, room for 50,000, from an empty cache on.
pub(super) fn p3(effort: Effort) -> Vec<Workload> {
    let keys = traces::keys("P3", effort);
    get_or_insert(
        "p3",
        Requests {
            capacity: 50_000,
            warm_up: Vec::new(),
            keys,
        },
    )
}

/// Zipf reads over 1,000,000 keys that are all there.
pub(super) fn all_hit(effort: Effort) -> Vec<Workload> {
    fn contender<C: Shared>(
        keys: &Rc<Vec<u64>>,
        distinct: &Rc<Vec<u64>>,
        threads: usize,
    ) -> Contender {
        let keys = Rc::clone(keys);
        // Room to spare: sharded caches fill unevenly.
        let cache = C::of_capacity(distinct.len() * 2);
        serve(&cache, distinct, true);
        cache.settle();
        Contender::new(C::NAME, move || {
            Sample::timed(keys.len(), || {
                let served = serve_by(&cache, &keys, threads, false);
                served.hits ^ served.wrong << 32
            })
        })
    }
    let mut sequence = Sequence::seeded(8);
    let keys = Rc::new(sequence.zipf(
        effort.operations(2_000_000),
        effort.operations(1_000_000) as u64,
        0.99,
    ));
    let mut distinct = keys.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let distinct = Rc::new(distinct);
    [1, 2]
        .map(|threads| {
            four!(
                format!("allhit-{threads}t"),
                "ns",
                contender,
                &keys,
                &distinct,
                threads
            )
        })
        .into()
}

/// Allocated bytes an entry beside its 16 bytes of key and value, the cache full.
pub(super) fn bytes(effort: Effort) -> Vec<Workload> {
    fn contender<C: Shared>(entries: usize) -> Contender {
        Contender::new(C::NAME, move || {
            let (bytes, cache) = allocated_bytes(|| {
                let cache = C::of_capacity(entries);
                for key in 0..entries as u64 * 2 {
                    cache.put(key, value_of(key));
                }
                cache.settle();
                cache
            });
            let held = (0..entries as u64 * 2)
                .filter(|&key| cache.value(key).is_some())
                .count();
            Sample::new(bytes as f64 / held as f64 - 16.0, 0)
        })
    }
    vec![four!(
        "bytes",
        "bytes",
        contender,
        effort.operations(1_000_000)
    )]
}
