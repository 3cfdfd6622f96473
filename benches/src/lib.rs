//! Side-by-side races of Strata's crates against the crates that people use today.
//!
//! Every contender of a workload runs the same work in turn, round after round, in one process, so that
//! a noisy machine hurts all alike; the median over the rounds counts. [`Harness`] does that, [`Reach`]
//! compares the medians with the ratios of `reach.csv`, and [`races`] holds the workloads.

mod contender;
mod counting;
mod harness;
mod isolation;
pub mod races;
mod reach;
mod report;
mod sequence;

pub use contender::{Contender, Counts, Sample, Workload};
pub use counting::{CountingAllocator, allocated_bytes};
pub use harness::{Effort, Harness, Outcome, Standing};
pub use isolation::serve;
pub use reach::{Reach, Verdict};
pub use report::{csv, table};
pub use sequence::Sequence;
