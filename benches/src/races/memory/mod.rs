//! cache-tiered's `MemoryCache` against the concurrent caches.

mod all_hit;
mod bytes;
mod caches;
mod get_or_insert;
mod peers;
mod round;
mod serve;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    get_or_insert::zipf,
    get_or_insert::p3,
    |effort| get_or_insert::trace("oltp", "OLTP", 2_000, effort),
    |effort| get_or_insert::trace("web12", "web12", 1_000, effort),
    all_hit::workloads,
    bytes::workloads,
];
