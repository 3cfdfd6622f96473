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

/// Time of a request, the cache filling itself. The caches evict differently, so what must agree is
/// that no value was wrong; the hits are a workload of their own.
fn replayed<C: Shared>(keys: &Rc<Vec<u64>>, capacity: usize, threads: usize) -> Contender {
    let keys = Rc::clone(keys);
    Contender::new(C::NAME, move || {
        let cache = C::of_capacity(capacity);
        Sample::timed(keys.len(), || serve_by(&cache, &keys, threads, true).wrong)
    })
}

fn missed<C: Shared>(keys: &Rc<Vec<u64>>, capacity: usize) -> Contender {
    let keys = Rc::clone(keys);
    Contender::new(C::NAME, move || {
        let served = serve(&C::of_capacity(capacity), &keys, true);
        Sample::new(1.0 - served.hits as f64 / keys.len() as f64, served.wrong)
    })
}

fn get_or_insert(label: &str, keys: Vec<u64>, capacity: usize) -> Vec<Workload> {
    let keys = Rc::new(keys);
    let mut workloads: Vec<Workload> = [1, 2]
        .map(|threads| {
            four!(
                format!("{label}-{threads}t"),
                "ns",
                replayed,
                &keys,
                capacity,
                threads
            )
        })
        .into();
    workloads.push(four!(
        format!("{label}-misses"),
        "miss_ratio",
        missed,
        &keys,
        capacity
    ));
    workloads
}

/// Zipf 0.99 over 1,000,000 keys, room for 100,000.
pub(super) fn zipf(effort: Effort) -> Vec<Workload> {
    let requests = effort.operations(2_000_000);
    get_or_insert(
        "zipf",
        Sequence::seeded(7).zipf(requests, 1_000_000, 0.99),
        100_000,
    )
}

/// The trace P3, room for 50,000.
pub(super) fn p3(effort: Effort) -> Vec<Workload> {
    get_or_insert("p3", traces::keys("P3", effort), 50_000)
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
