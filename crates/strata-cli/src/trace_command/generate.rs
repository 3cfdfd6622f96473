//! `strata trace generate`: a trace of requests that a pattern makes up.

use std::io::Write;
use std::str::FromStr;

use super::convert::report;
use super::output::{Output, OutputArgs};
use crate::outcome::UsageError;
use crate::progress::Progress;
use crate::trace::generate::{Pattern, Workload};
use crate::trace::{Columns, Request};
use crate::units::parse_bytes;

const EXAMPLES: &str = "\
Examples:
  strata trace generate zipf zipf.oracleGeneral.zst --requests 10000000 --keys 1000000 --skew 0.8
  strata trace generate mixed mixed.csv --size 100..16KiB --seed 7
  strata trace generate loop - --to keys --requests 20 --keys 5";

/// The arguments of `strata trace generate`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct GenerateArgs {
    /// How keys are chosen.
    #[arg(value_name = "PATTERN", value_enum)]
    pub pattern: Pattern,

    /// Where to write.
    #[command(flatten)]
    pub output: OutputArgs,

    /// How many requests; each is a second after the one before.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub requests: u64,

    /// The keys that requests return to.
    #[arg(long, value_name = "N", alias = "objects", default_value_t = 100_000)]
    pub keys: u64,

    /// The Zipf exponent: 0 is uniform.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 0.99,
        allow_hyphen_values = true
    )]
    pub skew: f64,

    /// Sizes of objects, the ends included: one size, or a range that each object's is drawn from.
    #[arg(
        long,
        value_name = "MIN..MAX",
        default_value = "1",
        allow_hyphen_values = true
    )]
    pub size: ObjectSizes,

    /// What every draw depends on: the same arguments write the same trace.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// A range of object sizes, parsed from `4KiB` or `100..16KiB`.
///
/// ```
/// use strata_cli::trace_command::ObjectSizes;
///
/// assert!("100..16KiB".parse::<ObjectSizes>().is_ok());
/// assert!("16KiB..100".parse::<ObjectSizes>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectSizes {
    min: u32,
    max: u32,
}

impl FromStr for ObjectSizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let parse = |part: &str| {
            let size = parse_bytes(part).map_err(|error| error.to_string())?;
            u32::try_from(size)
                .map_err(|_| format!("`{part}` is 4 GiB or more: traces have room for less"))
        };
        let (min, max) = (parse(min)?, parse(max.strip_prefix('=').unwrap_or(max))?);
        if min > max {
            return Err(format!("`{text}` is empty: give the smaller size first"));
        }
        Ok(Self { min, max })
    }
}

/// Requests handed on at a time.
const BLOCK_LEN: usize = 4096;

pub(super) fn run(args: &GenerateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.requests == 0 {
        return Err(UsageError::new("--requests 0: a trace holds at least one").into());
    }
    let workload = Workload::new(args.pattern)
        .keys(args.keys)
        .skew(args.skew)
        .requests(args.requests)
        .sizes(args.size.min..=args.size.max)
        .seed(args.seed);
    let mut requests = workload
        .generate()
        .map_err(|error| UsageError::new(error.to_string()))?;
    let output = Output::new(&args.output)?;
    let progress = Progress::requests("generating", Some(args.requests));
    let columns = Columns {
        time: true,
        size: true,
        next: false,
    };
    let mut done = 0;
    let mut written = output.write(out, columns, &mut |block: &mut Vec<Request>| {
        let before = block.len();
        block.extend(requests.by_ref().take(BLOCK_LEN));
        let made = block.len() - before;
        done += made as u64;
        progress.at(done);
        Ok(made)
    })?;
    drop(progress);
    // Times here are numbers in a row, which nobody misses.
    written.lost.time = false;
    report(&output, &written, out)
}
