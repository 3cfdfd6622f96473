//! slab-core against the typed slabs and the general allocators.

mod attachable;
mod boxes;
mod bytes;
mod owned;
mod remote;
mod table;
mod typed;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    typed::churn,
    typed::churn_fifty,
    typed::fill,
    typed::get,
    typed::sparse_million,
    typed::sparse_hundred_thousand,
    typed::growth,
    typed::shrink,
    boxes::fill,
    boxes::churn,
    boxes::churn_fifty,
    remote::remote,
    bytes::churn,
];

#[cfg(test)]
mod tests {
    use super::WORKLOADS;
    use crate::{Effort, Reach};

    #[test]
    fn every_row_of_reach_names_a_workload_and_its_contenders() {
        let workloads: Vec<_> = WORKLOADS
            .iter()
            .flat_map(|build| build(Effort::Quick))
            .collect();
        for row in Reach::all().iter().filter(|row| row.race == "slab") {
            let workload = workloads
                .iter()
                .find(|workload| workload.name == row.workload)
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
