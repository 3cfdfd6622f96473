//! cache-tiered's write path: what a durable put costs, and how much of it reaches the store.

mod behind_sink;
mod counted;
mod journal_power;
mod stores;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[journal_power::workloads, behind_sink::workloads];
