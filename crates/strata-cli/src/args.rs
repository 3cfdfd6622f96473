//! The command line at its top level: the subcommands, and where each goes.

use std::io::Write;

use clap::{Parser, Subcommand};

use crate::outcome::Outcome;
use crate::replay;
use crate::simulate;
use crate::trace::{Format, OpenOptions};

/// Replay request traces through a whole cache, or simulate eviction policies on them.
///
/// Exit codes: 0 all went well; 1 the run failed or found wrong values; 2 bad arguments.
#[derive(Debug, Parser)]
#[command(name = "strata", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  strata replay
  strata replay --trace web.oracleGeneral.zst --memory 64MiB --durability power
  strata simulate web.oracleGeneral.zst --policies lru,s3-fifo --sizes 1%,10%
  strata simulate --help";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a trace or a generated workload through the whole stack, every value checked to the byte.
    Replay(replay::Args),
    /// Miss ratios of eviction policies at several cache sizes, from one reading of each trace.
    Simulate(simulate::Args),
}

impl Cli {
    /// Runs the subcommand; what it reports goes to `out`, progress goes to stderr when that is a terminal.
    ///
    /// # Errors
    ///
    /// Whatever stops the command: a bad trace, bad arguments ([`UsageError`](crate::outcome::UsageError)), or
    /// `out` refusing to be written to.
    pub fn run(&self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        match &self.command {
            Command::Replay(args) => replay::run(args, out),
            Command::Simulate(args) => simulate::run(args, out),
        }
    }
}

/// How traces are read: arguments shared by the subcommands.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// Format of the traces [default: told by each file's name, else by its content]
    ///
    /// Files may be compressed with gzip or zstd, which their content tells.
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
    pub trace_format: Option<Format>,

    /// Refuse a compressed trace that unfolds to more than TIMES its size (past its first 64 MiB).
    #[arg(long, value_name = "TIMES", default_value_t = OpenOptions::EXPANSION_MAX)]
    pub expansion_max: u64,
}

impl ReadArgs {
    /// These arguments as options for [`OpenOptions::open`].
    #[must_use]
    pub fn options(&self) -> OpenOptions {
        let options = OpenOptions::new().expansion_max(self.expansion_max);
        match self.trace_format {
            Some(format) => options.format(format),
            None => options,
        }
    }
}
