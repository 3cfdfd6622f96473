//! `strata trace`: look into request traces, convert them from format to format, make them up.

mod convert;
mod generate;
mod head;
mod info;
mod output;

use std::io::Write;

use clap::Subcommand;

use crate::outcome::Outcome;

pub use convert::ConvertArgs;
pub use generate::{GenerateArgs, ObjectSizes};
pub use head::{HeadArgs, HeadFormat};
pub use info::{InfoArgs, InfoFormat};
pub use output::OutputArgs;

/// The arguments of `strata trace`.
///
/// ```
/// use clap::Parser;
/// use strata_cli::args::{Cli, Command};
/// use strata_cli::trace_command::TraceCommand;
///
/// let cli = Cli::parse_from(["strata", "trace", "info", "web.csv"]);
/// let Command::Trace(args) = cli.command else { unreachable!() };
/// assert!(matches!(args.command, TraceCommand::Info(_)));
/// ```
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: TraceCommand,
}

/// The subcommands of `strata trace`.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum TraceCommand {
    /// What a trace is like: footprint, sizes, popularity, reuse distances, order.
    Info(InfoArgs),
    /// Write a trace in another format or compression.
    Convert(ConvertArgs),
    /// Write a trace of requests that a pattern makes up.
    Generate(GenerateArgs),
    /// Print a trace's first requests.
    Head(HeadArgs),
}

/// Runs the command; what it reports goes to `out`, progress and notes to stderr.
///
/// # Errors
///
/// When a trace cannot be read or written, the arguments make no sense, or `out` refuses to be written to.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match &args.command {
        TraceCommand::Info(args) => info::run(args, out)?,
        TraceCommand::Convert(args) => convert::run(args, out)?,
        TraceCommand::Generate(args) => generate::run(args, out)?,
        TraceCommand::Head(args) => head::run(args, out)?,
    }
    Ok(Outcome::Passed)
}
