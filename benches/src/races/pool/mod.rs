//! buffer-pool against the pools and the general allocators.

mod buffers;
mod seed;
mod workloads;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    workloads::hot,
    workloads::hot_touch,
    workloads::zeroed,
    workloads::burst,
];
