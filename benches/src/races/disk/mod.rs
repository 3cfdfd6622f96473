//! cache-tiered's disk tier: what a value costs the device, what a get and a reopening take, and whether a burst is lost.
//!
//! All contenders have as little memory, so that gets go to the files. These lie in the page cache, the same for all: what
//! is measured is the way there and back, not the device.

mod burst;
mod fjall;
mod foyer;
mod get;
mod on_disk;
mod packed;
mod recover;
mod redb;
mod strata;
mod values;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    packed::workloads,
    burst::workloads,
    get::small,
    get::large,
    recover::small,
    recover::large,
];
