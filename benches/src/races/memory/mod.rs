//! cache-tiered's `MemoryCache` against the concurrent caches.

mod caches;
mod workloads;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    workloads::zipf,
    workloads::p3,
    workloads::all_hit,
    workloads::bytes,
];
