//! Integration tests of cache-tiered, one binary.

pub(crate) mod allocations;
#[cfg(unix)]
mod behind;
#[cfg(feature = "serde")]
mod codecs;
mod compute;
#[cfg(all(unix, feature = "disk"))]
mod disk;
mod doubles;
mod events;
mod figures;
mod flights;
mod foresight;
mod freshness;
mod history;
mod hot_keys;
mod in_memory;
mod listeners;
#[cfg(unix)]
mod machine;
mod many;
mod memory;
mod memory_flights;
mod memory_loads;
mod memory_partitions;
mod memory_policies;
mod memory_readers;
mod model;
#[cfg(unix)]
mod model_mutants;
#[cfg(unix)]
mod model_threads;
#[cfg(unix)]
mod model_tiered;
#[cfg(feature = "object-store")]
mod object;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod observe;
mod operations;
mod panics;
mod promises;
mod read_ahead;
#[cfg(feature = "redb")]
mod redb;
#[cfg(all(unix, feature = "redis"))]
mod redis;
mod seeds;
mod tags;
mod through;
