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
