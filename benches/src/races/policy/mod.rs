//! cache-policies' `Cache` against the single-threaded caches.

mod bytes;
mod caches;
mod simulation;

use std::rc::Rc;

use cache_policies::{
    Arc, Clock, Duel, Fifo, Lirs, Lru, S3Fifo, Sieve, TwoQ, WTinyLfu, WTinyLfuAdaptive,
};

use self::caches::{
    Clru, Hashlink, LruCrate, MiniMoka, QuickCache, Schnellru, SieveCrate, Single, Strata,
};
use super::{Build, traces};
use crate::{Contender, Effort, Sample, Workload};

/// Every workload of the race: get, and insert where it missed.
pub const WORKLOADS: &[Build] = &[
    |effort| replay("p3-20k", "P3", 20_000, effort),
    |effort| replay("oltp-2k", "OLTP", 2_000, effort),
    |effort| replay("web12-1k", "web12", 1_000, effort),
    |effort| replay_small("web12-137", "web12", 137, effort),
    |effort| replay_small("oltp-186", "OLTP", 186, effort),
    |effort| replay_small("sprite-353", "lirs_sprite", 353, effort),
    |effort| {
        bytes::entries(
            effort,
            &[
                &bytes::entry::<Strata<Lru>>(),
                &bytes::entry::<Strata<Fifo>>(),
                &bytes::entry::<Strata<Clock>>(),
                &bytes::entry::<Strata<Sieve>>(),
                &bytes::entry::<Strata<S3Fifo>>(),
                &bytes::entry::<Strata<TwoQ>>(),
                &bytes::entry::<Strata<Arc>>(),
                &bytes::entry::<Strata<Lirs>>(),
                &bytes::entry::<Strata<WTinyLfu>>(),
                &bytes::entry::<Strata<WTinyLfuAdaptive>>(),
                &bytes::entry::<Strata<Duel>>(),
                &bytes::entry::<Schnellru>(),
                &bytes::entry::<LruCrate>(),
                &bytes::entry::<Hashlink>(),
                &bytes::entry::<Clru>(),
                &bytes::entry::<SieveCrate>(),
                &bytes::entry::<QuickCache>(),
                &bytes::entry::<MiniMoka>(),
            ],
        )
    },
    bytes::ghosts,
    simulation::workloads,
];

/// Gets each key, and inserts it where it missed.
fn contender<C: Single>(keys: &Rc<Vec<u64>>, capacity: usize) -> Contender {
    let keys = Rc::clone(keys);
    Contender::in_group(C::NAME, C::GROUP, move || {
        let mut cache = C::of_capacity(capacity);
        Sample::timed(keys.len(), || {
            let mut hits = 0;
            for &key in keys.iter() {
                if cache.hit(key) {
                    hits += 1;
                } else {
                    cache.insert(key);
                }
            }
            hits
        })
    })
}

fn replay(name: &str, trace: &str, capacity: usize, effort: Effort) -> Vec<Workload> {
    let keys = Rc::new(traces::keys(trace, effort));
    vec![
        Workload::new("policy", name, "ns")
            .with(contender::<Strata<Lru>>(&keys, capacity))
            .with(contender::<Schnellru>(&keys, capacity))
            .with(contender::<LruCrate>(&keys, capacity))
            .with(contender::<Hashlink>(&keys, capacity))
            .with(contender::<Clru>(&keys, capacity))
            .with(contender::<Strata<Fifo>>(&keys, capacity))
            .with(contender::<Strata<Clock>>(&keys, capacity))
            .with(contender::<Strata<Sieve>>(&keys, capacity))
            .with(contender::<SieveCrate>(&keys, capacity))
            .with(contender::<Strata<S3Fifo>>(&keys, capacity))
            .with(contender::<Strata<TwoQ>>(&keys, capacity))
            .with(contender::<Strata<Arc>>(&keys, capacity))
            .with(contender::<Strata<Lirs>>(&keys, capacity))
            .with(contender::<Strata<WTinyLfu>>(&keys, capacity))
            .with(contender::<Strata<WTinyLfuAdaptive>>(&keys, capacity))
            .with(contender::<Strata<Duel>>(&keys, capacity))
            .with(contender::<QuickCache>(&keys, capacity))
            .with(contender::<MiniMoka>(&keys, capacity)),
    ]
}

/// In caches so small that the miniatures of `duel` take a large share of the keys, 1 in 4 or 6.
fn replay_small(name: &str, trace: &str, capacity: usize, effort: Effort) -> Vec<Workload> {
    let keys = Rc::new(traces::keys(trace, effort));
    vec![
        Workload::new("policy", name, "ns")
            .with(contender::<Strata<WTinyLfuAdaptive>>(&keys, capacity))
            .with(contender::<Strata<Duel>>(&keys, capacity)),
    ]
}
