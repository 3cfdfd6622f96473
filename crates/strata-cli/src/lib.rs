//! The parts of the `strata` command, usable from a program: trace readers, the policy simulator, units.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod args;
pub mod outcome;
pub mod progress;
pub mod replay;
pub mod report;
pub mod simulate;
pub mod standard_output;
pub mod table;
pub mod trace;
pub mod trace_command;
pub mod units;
mod whole_file;
