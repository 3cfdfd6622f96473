//! The arguments of `strata simulate`.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use cache_policies::LruConfig;

use crate::args::ReadArgs;
use crate::outcome::UsageError;
use crate::trace::OneLine;
use crate::whole_file::folder_of;

use super::access::Weighing;
use super::policies::Policies;
use super::row::OutputFormat;
use super::sample::Sample;
use super::size::{Size, SizeRange};

const EXAMPLES: &str = "\
Examples:
  Every policy at 0.1%, 1% and 10% of the trace's objects:
    strata simulate web.oracleGeneral.zst
  Two policies at three sizes in objects, for a spreadsheet:
    strata simulate P3.lis.zst --policies lru,s3-fifo --sizes 1000,10000,100000 --format csv
  Curves of 20 sizes, as a page to look at:
    strata simulate web.oracleGeneral.zst --sizes 0.1%..100%:20 --report web.html
  What an adaptive policy did over time, and why, as a page:
    strata simulate P3.lis.zst --policies duel --sizes 1% --report duel.html --explain
  The cheapest size at which each policy misses at most a fifth of the requests:
    strata simulate web.oracleGeneral.zst --target 0.2
  A trace too large to simulate whole:
    strata simulate huge.oracleGeneral.zst --sample 1%
  Sizes in bytes, each object counting its size:
    strata simulate cpIO.oracleGeneral.zst --byte-weighted --sizes 128MiB,1GiB
  A policy with parameters:
    strata simulate a.trace.gz --policies s3-fifo,s3-fifo:small=0.2";

const MEMORY: &str = "\
Memory: 20 to 40 bytes for each distinct object of the trace, and for each policy and size 4 bytes an object and \
what the policy takes for those that are resident; with one or two policies and sizes, only 20 to 40 bytes and that for residents. Policies that must know the future (belady, belady-size) take it from the \
trace (oracleGeneral); where that does not say or says it wrong, or with --sample, a reading more finds it out, which takes 4 bytes a request \
and 8 an object more, and no pipe. --sample takes that share of all this, and 4 bytes more for each object, policy and size.";

/// The arguments of `strata simulate`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{MEMORY}\n\n{}", Policies::described()))]
pub struct Args {
    /// Traces to simulate, one after the other, in any format that `strata trace info` reads, compressed or not; - for standard
    /// input.
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// Policies, separated by commas, or `all`; parameters follow a colon (`s3-fifo:small=0.2`); --help lists all.
    #[arg(long, value_name = "POLICIES", default_value = "all")]
    pub policies: Policies,

    /// Cache sizes, separated by commas: objects (`1000`) or a share of the trace's distinct objects (`1%`); ranges (`0.1%..10%:20`)
    ///
    /// A share is rounded down, is at least 1, and takes a reading of the trace beforehand. A range is the first size, the last, and
    /// how many there are, evenly spaced on a logarithmic scale. With --byte-weighted, sizes are bytes (`64MB`, `64MiB`,
    /// `1.5GiB`) or a share of all objects' bytes.
    #[arg(
        long,
        value_name = "SIZES",
        value_delimiter = ',',
        default_value = "0.1%,1%,10%"
    )]
    pub sizes: Vec<SizeRange>,

    /// Count an object as its size in bytes, instead of as 1.
    #[arg(long)]
    pub byte_weighted: bool,

    /// Simulate only this share of the keys (`0.01`, `1%`), at sizes scaled down as much, and estimate the misses of the whole
    ///
    /// Which keys is told by their hashes, so that every run takes the same. Each miss ratio comes with its expected
    /// error. A rate that leaves fewer than 100 objects in a cache is refused.
    #[arg(long, value_name = "RATE")]
    pub sample: Option<Sample>,

    /// Also find the smallest size at which each policy's miss ratio is at most this (`0.2`, `20%`)
    ///
    /// Searched up to the size of all objects, to within 1%, by about 5 more readings of the trace with up to 7 sizes of each
    /// policy at a time; LRU's answer is exact, from stack distances, where objects count 1 and are all simulated. The answers
    /// follow as rows of their own, unless --sizes names the size found.
    #[arg(long, value_name = "MISS_RATIO", value_parser = parse_target)]
    pub target: Option<f64>,

    /// Also write a page with the curves and all numbers to this file: HTML, nothing else needed to show it
    ///
    /// A file that is there is replaced only if strata wrote it.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,

    /// Also show in the page what adaptive policies did in the course of the trace, and why: a section for each policy and size that
    /// tells of itself, such as duel's modes and what its miniatures missed
    #[arg(long, requires = "report")]
    pub explain: bool,

    /// Also write LRU's exact misses at every size to this file, as rows of `--format csv`, one wherever they change
    ///
    /// One reading finds them all, by stack distances. A file that is there is replaced only if strata wrote it.
    #[arg(long, value_name = "FILE.csv")]
    pub lru_curve: Option<PathBuf>,

    /// Threads that share the work, up to 1024 [default: one a core]
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

    /// Whether LRU's misses at every size are wanted: they are cheap beside a page of curves, or beside a search.
    pub(super) fn wants_curve(&self) -> bool {
        let has_lru = || {
            self.policies
                .configs()
                .contains(&LruConfig::default().into())
        };
        let is_of_use = self.report.is_some() || self.target.is_some() && self.sample.is_none();
        self.lru_curve.is_some() || (is_of_use && !self.byte_weighted && has_lru())
    }

    /// How many threads share the work.
    pub(super) fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }

    /// Looks at what no argument shows alone.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        self.check_files()?;
        if self.lru_curve.is_some() && self.byte_weighted {
            return Err(UsageError::new(
                "--lru-curve is of objects that count 1: leave it or --byte-weighted out",
            ));
        }
        let ends = self.sizes.iter().flat_map(SizeRange::ends);
        for size in ends {
            if size.is_bytes() && !self.byte_weighted {
                return Err(UsageError::new(format!(
                    "--sizes {size}: sizes count objects unless --byte-weighted is given: add that, or give a number of objects"
                )));
            }
        }
        let singles: Vec<&Size> = self.sizes.iter().filter_map(SizeRange::single).collect();
        for (index, size) in singles.iter().enumerate() {
            if let Some(before) = singles[..index].iter().find(|before| before.is_same(size)) {
                return Err(UsageError::new(format!(
                    "--sizes: {size} is given twice (the first time as {before}): name each size once"
                )));
            }
        }
        Ok(())
    }

    /// Looks at the files that are to be written.
    fn check_files(&self) -> Result<(), UsageError> {
        let files = [("--report", &self.report), ("--lru-curve", &self.lru_curve)];
        for (option, file) in files {
            if file.as_ref().is_some_and(|file| file == "-") {
                return Err(UsageError::new(format!(
                    "{option} -: standard output is for the rows: name a file"
                )));
            }
        }
        if let (Some(report), Some(curve)) = (&self.report, &self.lru_curve)
            && is_same_file(report, curve)
        {
            return Err(UsageError::new(format!(
                "--report and --lru-curve both name {}: give each a file of its own",
                OneLine(curve)
            )));
        }
        Ok(())
    }
}

/// Whether both name one file, however they are written; where a folder is not there, they may seem to differ.
fn is_same_file(ours: &Path, theirs: &Path) -> bool {
    let place = |path: &Path| {
        let folder = fs::canonicalize(folder_of(path)).ok()?;
        // A link to the other file is replaced like any file, and no danger to it.
        Some(folder.join(path.file_name()?))
    };
    ours == theirs || place(ours).is_some_and(|ours| Some(ours) == place(theirs))
}

/// A miss ratio above 0 and below 1, as a number or in percent.
fn parse_target(text: &str) -> Result<f64, String> {
    let ratio = match text.trim().strip_suffix('%') {
        Some(percent) => percent.parse().map(|percent: f64| percent / 100.0),
        None => text.trim().parse(),
    };
    match ratio {
        Ok(ratio) if ratio > 0.0 && ratio < 1.0 => Ok(ratio),
        _ => Err("give a miss ratio above 0 and below 1, such as 0.2 or 20%".to_owned()),
    }
}
