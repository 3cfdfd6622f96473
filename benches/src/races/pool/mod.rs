//! buffer-pool against the pools and the general allocators.

mod buffers;
mod burst;
mod churn;
mod handoff;
mod hot;
mod objects;
mod pair;
mod round;
mod seed;
mod two_pools;
mod vectors;
mod zero;
mod zeroed;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    hot::hot,
    hot::hot_touch,
    zeroed::zeroed,
    two_pools::two_pools,
    burst::on_two_threads,
    handoff::handoff,
    burst::large,
    burst::after_idling,
    churn::churn,
    churn::churn_resident,
    hot::stats,
];
