//! `strata simulate`: miss ratios of eviction policies at several sizes, from one reading of each trace.
//!
//! Every request goes through all simulators, one a policy and size, before the next ones are read. A simulator does what
//! libCacheSim's does: find; on a miss, if the object fits at all, evict until it fits now, then insert.

mod access;
mod args;
mod catalogue;
mod command;
mod error;
mod fan_out;
mod feed;
mod policies;
mod row;
mod sample;
mod simulation;
mod simulator;
mod size;
mod survey;

pub use access::{Access, Weighing};
pub use args::Args;
pub use catalogue::Catalogue;
pub use command::{run, trace_name};
pub use error::SimulationError;
pub use feed::Totals;
pub use policies::{Policies, PoliciesError};
pub use row::{OutputFormat, Row, write_rows};
pub use sample::{Sample, SampleError};
pub use simulation::{Simulated, Simulation};
pub use simulator::{Counts, Simulator};
pub use size::{Size, SizeError};
pub use survey::Survey;
