//! slab-core against the typed slabs and the general allocators.

mod bytes;
mod table;
mod typed;

use super::Build;

/// Every workload of the race.
pub const WORKLOADS: &[Build] = &[
    typed::churn,
    typed::fill,
    typed::get,
    typed::sparse,
    typed::growth,
    bytes::churn,
];
