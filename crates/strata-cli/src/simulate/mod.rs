//! `strata simulate`: miss ratios of eviction policies at several sizes, from one reading of each trace.
//!
//! Every request goes through all simulators, one a policy and size, before the next ones are read. A simulator does what
//! libCacheSim's does: find; on a miss, if the object fits at all, evict until it fits now, then insert.
//!
//! [`Simulation`] is the whole of it as a call. A trace goes through a `Feed`, which thins it to a [`Sample`], numbers its objects
//! ([`Catalogue`]) so that simulators find them in arrays, and says when each is asked for next, from the trace or from a
//! [`Survey`]; then block by block through a [`Simulator`] a policy and size. One or two
//! simulators alone find their objects by hash instead ([`ByHash`]).

mod access;
mod answers;
mod args;
mod catalogue;
mod command;
mod error;
mod explained;
mod fan_out;
mod feed;
mod first_reading;
mod history;
mod index;
mod lru_curve;
mod page;
mod policies;
mod row;
mod sample;
mod simulation;
mod simulator;
mod size;
mod survey;
mod target;
mod trace_run;

pub use access::{Access, Weighing};
pub use args::Args;
pub use catalogue::Catalogue;
pub use command::{run, trace_name};
pub use error::SimulationError;
pub use feed::Totals;
pub use index::{ByHash, ByNumber, Index};
pub use lru_curve::LruCurve;
pub use policies::{Policies, PoliciesError};
pub use row::{Answer, ByteMisses, OutputFormat, Row, write_rows};
pub use sample::{Sample, SampleError};
pub use simulation::{Simulated, Simulation};
pub use simulator::{Counts, Simulator};
pub use size::{Size, SizeError, SizeRange};
pub use survey::Survey;
