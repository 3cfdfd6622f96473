//! The command line at its top level: the subcommands, and where each goes.

use std::io::{self, Write};
use std::path::Path;

use clap::{Parser, Subcommand};

use crate::outcome::Outcome;
use crate::replay;
use crate::simulate;
use crate::trace::{
    CsvColumns, CsvHeader, CsvOptions, Delimiter, Format, OpenOptions, Reader, TimeUnit, TraceError,
};
use crate::trace_command;

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
  strata trace info web.oracleGeneral.zst
  strata simulate --help";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a trace or a generated workload through the whole stack, every value checked to the byte.
    Replay(replay::Args),
    /// Miss ratios of eviction policies at several cache sizes, from one reading of each trace.
    Simulate(simulate::Args),
    /// Look into traces, convert them, make them up.
    Trace(trace_command::Args),
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
            Command::Trace(args) => trace_command::run(args, out),
        }
    }
}

/// How traces are read: arguments shared by the subcommands.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// Format of the traces [default: told by each file's name, else csv if --columns is given, else told by its content]
    ///
    /// Files may be compressed with gzip, zstd or xz, which their content tells.
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
    pub trace_format: Option<Format>,

    /// Refuse a compressed trace that unfolds to more than TIMES its size (past its first 64 MiB).
    #[arg(long, value_name = "TIMES", default_value_t = OpenOptions::EXPANSION_MAX)]
    pub expansion_max: u64,

    /// Which column holds what, counted from 1 or named as in the header, such as time=1,key=2,size=3 [default: told by
    /// the header]
    #[arg(long, value_name = "COLUMNS", help_heading = "CSV traces")]
    pub columns: Option<CsvColumns>,

    /// What stands between fields, one character or `tab` [default: told by the first line]
    #[arg(
        long,
        value_name = "CHARACTER",
        allow_hyphen_values = true,
        help_heading = "CSV traces"
    )]
    pub delimiter: Option<Delimiter>,

    /// Whether the first line names the columns
    #[arg(
        long,
        value_enum,
        value_name = "WHETHER",
        default_value_t,
        help_heading = "CSV traces"
    )]
    pub header: CsvHeader,

    /// What times count
    #[arg(
        long,
        value_enum,
        value_name = "UNIT",
        default_value_t,
        help_heading = "CSV traces"
    )]
    pub time_unit: TimeUnit,
}

impl ReadArgs {
    /// These arguments as options for [`OpenOptions::open`].
    #[must_use]
    pub fn options(&self) -> OpenOptions {
        let csv = CsvOptions {
            columns: self.columns.clone(),
            delimiter: self.delimiter,
            header: self.header,
            time_unit: self.time_unit,
        };
        let options = OpenOptions::new()
            .expansion_max(self.expansion_max)
            .csv(csv);
        match self.trace_format {
            Some(format) => options.format(format),
            None => options,
        }
    }

    /// Opens the trace `path`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// See [`OpenOptions::open`].
    pub fn open(&self, path: &Path) -> Result<Reader, TraceError> {
        if path == "-" {
            return self.options().read("standard input", Box::new(io::stdin()));
        }
        self.options().open(path)
    }
}
