//! The workloads of each race.

mod general;
pub mod memory;
pub mod policy;
pub mod pool;
pub mod slab;
mod traces;

use crate::{Effort, Workload};

/// The races by name, in layer order.
pub const RACES: [&str; 4] = ["slab", "pool", "policy", "memory"];

/// Builds some workloads of a race. Their inputs take memory, so they are built when it is their turn.
pub type Build = fn(Effort) -> Vec<Workload>;

/// The workloads of a race; `None` for a name that is not in [`RACES`].
pub fn workloads(race: &str) -> Option<&'static [Build]> {
    match race {
        "slab" => Some(slab::WORKLOADS),
        "pool" => Some(pool::WORKLOADS),
        "policy" => Some(policy::WORKLOADS),
        "memory" => Some(memory::WORKLOADS),
        _ => None,
    }
}
