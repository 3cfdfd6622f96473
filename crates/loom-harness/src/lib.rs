//! Runs loom models in every interleaving up to a bound, each with mutants that must fail.
//!
//! `prove` runs a model as it is, which must pass, then once more with each of its mutants: deliberate faults in the
//! code under test, each of which the model must catch. It prints how many executions each took and how long. A mutant
//! counts as caught when loom reports a race or a leak, or when an assertion of the model fails, at the bound at which
//! the original passes; not when the model runs out of branches or its process dies.
//!
//! `LOOM_MAX_PREEMPTIONS` overrides the bound of the models that have one.
//!
//! A crate switches its own primitives and mutants by a cfg of its own; with none of these cfgs this crate is empty.

#![cfg(any(slab_core_loom, buffer_pool_loom, cache_tiered_loom))]

mod exploration;
#[cfg(test)]
mod loom;
mod memory;
mod proof;

pub use exploration::Bound;
pub use memory::{allocate, deallocate};
pub use proof::{LEAK, Mutants, RACE, prove};
