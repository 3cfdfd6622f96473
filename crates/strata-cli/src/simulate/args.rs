//! The arguments of `strata simulate`.

use std::path::PathBuf;

use crate::args::ReadArgs;

/// The arguments of `strata simulate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Traces to simulate, one after the other.
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// How to read the traces.
    #[command(flatten)]
    pub read: ReadArgs,
}
