//! How many of a hot workload's updates reach the store: written behind, and written through.

use std::rc::Rc;
use std::time::Duration;

use cache_tiered::{Blocking, MemoryTier, Tiered, Writes};
use hashbrown::HashMap;

use super::counted::Counted;
use crate::races::directory::temporary;
use crate::{Contender, Effort, Sample, Sequence, Workload};

/// How long write-behind may keep an update.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// Keys that it may keep.
const MAX_DIRTY: usize = 10_000;

/// The updates, and the value that each key has after them.
struct Updates {
    /// Each writer's keys; no key has two writers.
    keys: [Vec<u64>; 2],
    last: HashMap<u64, u64>,
    max_dirty: usize,
    /// Keys in the memory tier.
    capacity: u64,
}

impl Updates {
    fn new(effort: Effort) -> Self {
        let distinct = effort.operations(100_000) as u64;
        let all = Sequence::seeded(9).zipf(effort.operations(1_000_000), distinct, 0.99);
        let (even, odd): (Vec<u64>, Vec<u64>) = all.into_iter().partition(|key| key >> 63 == 0);
        let keys = [even, odd];
        let numbered = keys.iter().flat_map(|own| own.iter().copied().zip(0..));
        Self {
            last: numbered.collect(),
            keys,
            max_dirty: effort.operations(MAX_DIRTY),
            capacity: distinct,
        }
    }

    /// Mutations of the store for each update, until the cache is closed; and how many keys end with their last value.
    fn run(&self, writes: Writes<u64, u64>) -> Sample {
        let store = Counted::default();
        let cache = Tiered::builder()
            .memory(MemoryTier::entries(self.capacity))
            .store(Blocking::new(store.clone()))
            .writes(writes)
            .build()
            .expect("a cache on a directory of its own");
        std::thread::scope(|scope| {
            for own in &self.keys {
                let cache = &cache;
                scope.spawn(move || {
                    for (&key, value) in own.iter().zip(0..) {
                        let put = cache.put(key, value).wait();
                        put.expect("a journal with room, or a store in memory");
                    }
                });
            }
        });
        let closed = cache.close().wait();
        closed.expect("a store in memory takes everything");
        let is_right = |(key, value): &(&u64, &u64)| store.value(**key) == Some(**value);
        let right = self.last.iter().filter(is_right).count();
        let updates: usize = self.keys.iter().map(Vec::len).sum();
        Sample::new(store.mutations() as f64 / updates as f64, right as u64)
    }
}

/// 1,000,000 updates, Zipf 0.99 over 100,000 keys, by two threads as fast as they can.
pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    let updates = Rc::new(Updates::new(effort));
    let (behind, through) = (Rc::clone(&updates), Rc::clone(&updates));
    let answer = updates.last.len() as u64;
    let workload = Workload::new("tiered", "behind-sink", "per_put")
        .answering(answer)
        .with(Contender::new("strata-behind", move || {
            let directory = temporary();
            let writes = Writes::behind(directory.path().join("journal"))
                .max_delay(MAX_DELAY)
                .max_dirty(behind.max_dirty);
            behind.run(writes.into())
        }))
        .with(Contender::new("strata-through", move || {
            through.run(Writes::through().into())
        }));
    vec![workload]
}
