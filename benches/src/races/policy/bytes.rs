//! What an entry and a remembered key cost in memory, as the allocator counts it.

use cache_policies::{Policy, S3Fifo, S3FifoConfig, Slot};

use super::caches::Single;
use crate::{Contender, Effort, Sample, Workload, allocated_bytes};

/// As many entries as an index of hashbrown holds at its full load of 7/8.
const AT_LOAD: usize = 28_672;
/// As many as the replays of P3 hold: a load of 0.61.
const BETWEEN: usize = 20_000;

/// Allocated bytes an entry beside its 16 bytes of key and value, twice as many keys having gone through the cache.
pub(super) fn entry<C: Single>() -> impl Fn(usize) -> Contender {
    |entries| {
        Contender::in_group(C::NAME, C::NAME, move || {
            let (bytes, mut cache) = allocated_bytes(|| {
                let mut cache = C::of_capacity(entries);
                // Each key twice: policies that remember what left let it in then.
                for key in (0..2 * entries as u64).flat_map(|key| [key, key / 2]) {
                    if !cache.hit(key) {
                        cache.insert(key);
                    }
                }
                cache
            });
            let held = (0..2 * entries as u64)
                .filter(|&key| cache.hit(key))
                .count();
            Sample::new(bytes as f64 / held as f64 - 16.0, held as u64)
        })
    }
}

/// The workloads of [`entry`], for these contenders.
pub(super) fn entries(effort: Effort, contenders: &[&dyn Fn(usize) -> Contender]) -> Vec<Workload> {
    let sizes = [("bytes", AT_LOAD), ("bytes-20k", BETWEEN)];
    let workload = |(name, entries)| {
        contenders
            .iter()
            .fold(Workload::new("policy", name, "bytes"), |workload, of| {
                workload.with(of(effort.operations(entries)))
            })
    };
    sizes.into_iter().map(workload).collect()
}

/// Allocated bytes a key in a ghost: what S3-FIFO takes with a full ghost beyond what it takes without one.
pub(super) fn ghosts(effort: Effort) -> Vec<Workload> {
    fn scanned(ghost: f64, capacity: u64) -> (u64, S3Fifo) {
        allocated_bytes(|| {
            let config = S3FifoConfig::default().with_ghost(ghost);
            let mut policy = S3Fifo::new(capacity, &config).expect("a share in range");
            for key in 0..4 * capacity {
                let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let hint = policy.miss(hash);
                let slot = match policy.weight() < capacity {
                    true => Slot::new(key as u32),
                    false => policy.evict().expect("nothing is pinned"),
                };
                policy.insert(slot, hash, 1, hint);
            }
            policy
        })
    }
    let capacity = effort.operations(1_000_000) as u64;
    let contender = Contender::new("strata-s3-fifo", move || {
        let (without, _) = scanned(0.0, capacity);
        let (with, policy) = scanned(0.9, capacity);
        let keys = policy.ghost_len();
        Sample::new((with as f64 - without as f64) / keys as f64, keys as u64)
    });
    vec![Workload::new("policy", "bytes-ghost", "bytes").with(contender)]
}
