//! Tests of the journal.

#[cfg(not(cache_tiered_loom))]
mod behaviour;
#[cfg(not(cache_tiered_loom))]
mod damage;
#[cfg(not(cache_tiered_loom))]
mod dead_letters;
#[cfg(all(unix, not(cache_tiered_loom)))]
mod files;
#[cfg(not(cache_tiered_loom))]
mod frames;
#[cfg(not(cache_tiered_loom))]
mod golden;
#[cfg(not(cache_tiered_loom))]
mod histories;
#[cfg(cache_tiered_loom)]
mod loom;
#[cfg(not(cache_tiered_loom))]
mod model;
#[cfg(not(cache_tiered_loom))]
mod sweeps;
#[cfg(all(unix, not(cache_tiered_loom)))]
mod system;
#[cfg(not(cache_tiered_loom))]
mod torn;
#[cfg(not(cache_tiered_loom))]
mod waiting;
