//! Allocated bytes an entry beside its 16 bytes of key and value, the cache full.

use super::caches::Shared;
use super::round::{Round, entered};
use super::serve::{serve, value_of};
use crate::{Effort, Sample, Workload, allocated_bytes};

/// So many entries fit, and twice as many come.
#[derive(Clone)]
struct Overhead {
    entries: usize,
}

impl Round for Overhead {
    type Kept<C: Shared> = ();

    fn begin<C: Shared>(&self) {}

    fn run<C: Shared>(&self, (): &()) -> Sample {
        let keys = 0..self.entries as u64 * 2;
        let (bytes, cache) = allocated_bytes(|| {
            let cache = C::of_capacity(self.entries);
            for key in keys.clone() {
                cache.put(key, value_of(key));
            }
            cache.settle();
            cache
        });
        let keys: Vec<u64> = keys.collect();
        let served = serve(&cache, &keys, false);
        Sample::new(bytes as f64 / served.hits as f64 - 16.0, served.wrong)
    }
}

pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    let entries = effort.operations(1_000_000);
    vec![entered(
        "bytes".to_owned(),
        "bytes",
        0,
        &Overhead { entries },
    )]
}
