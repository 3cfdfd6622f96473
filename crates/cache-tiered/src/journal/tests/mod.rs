//! Tests of the journal.

mod behaviour;
mod damage;
mod model;
mod simulated;
mod sweeps;
