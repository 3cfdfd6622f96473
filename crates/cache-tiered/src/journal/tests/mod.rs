//! Tests of the journal.

mod model;
mod simulated;
