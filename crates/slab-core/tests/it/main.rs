//! The integration tests of slab-core.

#![expect(clippy::disallowed_types, reason = "the ban is for the crate itself")]

mod arena;
mod arena_model;
mod bytes;
mod bytes_faults;
mod bytes_model;
mod cache;
mod cache_defects;
mod cache_faults;
mod cache_model;
mod cache_threads;
mod faults;
mod hash_arena;
mod hash_arena_faults;
mod ops;
mod panics;
mod provider;
mod secondary;
mod segmented;
mod threads;

/// Cases that a model test runs: `STRATA_CASES`, or `default`.
fn cases(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number")
    })
}
