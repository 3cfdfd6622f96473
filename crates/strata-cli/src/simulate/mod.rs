//! `strata simulate`: miss ratios of eviction policies at several sizes, from one reading of each trace.
//!
//! Every request goes through all simulators, one a policy and size, before the next ones are read. A simulator does what
//! libCacheSim's does: find; on a miss, if the object fits at all, evict until it fits now, then insert.

mod access;
mod args;
mod command;
mod fan_out;
mod footprint;
mod policies;
mod row;
mod simulator;
mod size;

pub use access::{Access, Weighing};
pub use args::Args;
pub use command::{run, trace_name};
pub use footprint::Footprint;
pub use policies::{Policies, PoliciesError};
pub use row::{OutputFormat, Row, write_rows};
pub use simulator::Simulator;
pub use size::{Size, SizeError};
