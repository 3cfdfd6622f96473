//! The workloads of each race.

mod directory;
pub mod disk;
mod general;
pub mod memory;
pub mod policy;
pub mod pool;
pub mod slab;
pub mod tiered;
mod traces;

use crate::{Effort, Workload};

/// The races by name, in layer order.
pub const RACES: [&str; 6] = ["slab", "pool", "policy", "memory", "tiered", "disk"];

/// Builds some workloads of a race. Their inputs take memory, so they are built when it is their turn.
pub type Build = fn(Effort) -> Vec<Workload>;

/// The workloads of a race; `None` for a name that is not in [`RACES`].
pub fn workloads(race: &str) -> Option<&'static [Build]> {
    match race {
        "slab" => Some(slab::WORKLOADS),
        "pool" => Some(pool::WORKLOADS),
        "policy" => Some(policy::WORKLOADS),
        "memory" => Some(memory::WORKLOADS),
        "tiered" => Some(tiered::WORKLOADS),
        "disk" => Some(disk::WORKLOADS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{RACES, workloads};
    use crate::{Effort, Reach, Workload};

    /// Whether an outcome of that name comes of it.
    fn gives(workload: &Workload, name: &str) -> bool {
        workload.name == name || workload.net_name().is_some_and(|net| net == name)
    }

    #[test]
    fn every_row_of_reach_names_a_workload_and_its_contenders() {
        let workloads: Vec<_> = RACES
            .iter()
            .flat_map(|race| workloads(race).expect("a race by its name"))
            .flat_map(|build| build(Effort::Quick))
            .collect();
        for row in Reach::all() {
            let workload = workloads
                .iter()
                .find(|one| one.race == row.race && gives(one, &row.workload))
                .unwrap_or_else(|| panic!("{}: no workload {}", row.id, row.workload));
            for name in row.peers.iter().chain([&row.contender]) {
                assert!(
                    workload.contenders.iter().any(|one| one.name == *name),
                    "{}: {name} does not run {}",
                    row.id,
                    row.workload
                );
            }
        }
    }
}
