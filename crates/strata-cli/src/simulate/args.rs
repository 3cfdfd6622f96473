//! The arguments of `strata simulate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use crate::args::ReadArgs;
use crate::outcome::UsageError;

use super::access::Weighing;
use super::policies::Policies;
use super::row::OutputFormat;
use super::size::Size;

const EXAMPLES: &str = "\
Examples:
  Every policy at 0.1%, 1% and 10% of the trace's objects:
    strata simulate web.oracleGeneral.zst
  Two policies at three sizes in objects, for a spreadsheet:
    strata simulate P3.lis.zst --policies lru,s3-fifo --sizes 1000,10000,100000 --format csv
  Sizes in bytes, each object counting its size:
    strata simulate cpIO.oracleGeneral.zst --byte-weighted --sizes 128MiB,1GiB
  A policy with parameters:
    strata simulate a.trace.gz --policies s3-fifo,s3-fifo:small=0.2";

/// The arguments of `strata simulate`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Traces to simulate, one after the other: oracleGeneral, ARC text or LIRS text; plain, gzip or zstd.
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// Policies, separated by commas, or `all`; parameters follow a colon (`s3-fifo:small=0.2`).
    #[arg(long, value_name = "POLICIES", default_value = "all")]
    pub policies: Policies,

    /// Cache sizes, separated by commas: objects (`1000`) or a share of the trace's distinct objects (`1%`, rounded down, at
    /// least 1, takes a reading of the trace beforehand); with --byte-weighted bytes (`64MB`, `64MiB`, `1.5GiB`) or a share of
    /// all objects' bytes.
    #[arg(
        long,
        value_name = "SIZES",
        value_delimiter = ',',
        default_value = "0.1%,1%,10%"
    )]
    pub sizes: Vec<Size>,

    /// Count an object as its size in bytes, instead of as 1.
    #[arg(long)]
    pub byte_weighted: bool,

    /// Threads that simulate beside the one that reads the trace, up to 1024; with 1, it does both [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,

    /// How to read the traces.
    #[command(flatten)]
    pub read: ReadArgs,
}

impl Args {
    /// What sizes count.
    #[must_use]
    pub fn weighing(&self) -> Weighing {
        if self.byte_weighted {
            Weighing::Bytes
        } else {
            Weighing::Objects
        }
    }

    /// How many threads simulate.
    pub(super) fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }

    /// Looks at what no argument shows alone.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        for (index, size) in self.sizes.iter().enumerate() {
            if size.is_bytes() && !self.byte_weighted {
                return Err(UsageError::new(format!(
                    "--sizes {size}: sizes count objects unless --byte-weighted is given: add that, or give a number of objects"
                )));
            }
            if let Some(before) = self.sizes[..index]
                .iter()
                .find(|before| before.is_same(size))
            {
                return Err(UsageError::new(format!(
                    "--sizes: {size} is given twice (the first time as {before}): name each size once"
                )));
            }
        }
        Ok(())
    }
}
