//! The arguments of `strata replay`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::thread;

use cache_policies::AnyConfig;
use cache_tiered::Durability;
use clap::ValueEnum;

use super::delay::Delay;
use super::error::ReplayError;
use super::report::Format;
use super::store_kind::StoreKind;
use super::value::ValueSizes;
use crate::args::ReadArgs;
use crate::trace::generate::Pattern;
use crate::units::{Bytes, parse_bytes};

/// The least bytes of a disk tier: regions in which entries of some size have room.
const DISK_MIN: u64 = 1 << 20;

/// The arguments of `strata replay`.
///
/// ```
/// use clap::Parser;
/// use strata_cli::args::{Cli, Command};
///
/// let cli = Cli::parse_from(["strata", "replay", "--threads", "3"]);
/// let Command::Replay(args) = cli.command else { unreachable!() };
/// assert_eq!(args.threads().get(), 3);
/// ```
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Replay this trace [default: a generated workload].
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workload", "keys", "skew"])]
    pub trace: Option<PathBuf>,

    /// How the trace is read.
    #[command(flatten)]
    pub read: ReadArgs,

    /// Generate requests of this pattern.
    #[arg(long, value_enum, default_value_t = Pattern::Mixed)]
    pub workload: Pattern,

    /// The keys that a generated workload returns to.
    #[arg(long, value_name = "N", default_value = "200000", value_parser = parse_count, allow_negative_numbers = true)]
    pub keys: NonZeroU64,

    /// The Zipf exponent of a generated workload: 0 is uniform.
    #[arg(long, value_name = "S", default_value = "0.9", value_parser = parse_skew, allow_hyphen_values = true)]
    pub skew: f64,

    /// Requests to serve [default: 500000 generated ones, or all of the trace].
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    pub requests: Option<NonZeroU64>,

    /// What generated requests and the choice of overwrites depend on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Bytes of keys and values that the memory tier holds.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_memory, allow_hyphen_values = true)]
    pub memory: Bytes,

    /// The memory tier's eviction policy: fifo, lru, clock, sieve or s3-fifo, with parameters as in s3-fifo:small=0.2.
    #[arg(long, value_name = "POLICY", default_value = "s3-fifo")]
    pub policy: AnyConfig,

    /// Bytes of a disk tier between memory and store [default: none].
    #[arg(long, value_name = "SIZE", value_parser = parse_disk, allow_hyphen_values = true)]
    pub disk: Option<Bytes>,

    /// Keep the disk tier in this directory [default: a temporary one, removed at the end].
    ///
    /// The directory is the tier's alone. A tier that is already there is used further: it must have been over the same store,
    /// and no run without it may have written to that since.
    #[arg(long, value_name = "DIR", requires = "disk")]
    pub disk_path: Option<PathBuf>,

    /// What lies beneath the tiers: redb (a database, the file data.redb), memory (a map, gone with the process), or
    /// the URL of a Redis server.
    ///
    /// A URL is redis://host or unix:///path, with user:password@ before the host, :port and /database behind it where they
    /// are needed; several with commas between them are of a cluster. Keys have the prefix `strata:` there, and stay: what an earlier run left is used further.
    #[arg(long, value_name = "STORE", default_value = "redb")]
    pub store: StoreKind,

    /// Keep the store in this directory [default: a temporary one, removed at the end].
    ///
    /// The directory is made if only its last part is missing. A store that is already there is used further.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// How writes reach the store.
    #[arg(long, value_enum, default_value_t = WriteMode::Through)]
    pub writes: WriteMode,

    /// The share of requests that overwrite their key after reading it, 0 to 1.
    #[arg(long, value_name = "R", default_value = "0.1", value_parser = parse_ratio, allow_hyphen_values = true)]
    pub write_ratio: f64,

    /// Keep the journal of write-behind in this directory [default: `journal` beside the store, or a temporary one].
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,

    /// How long write-behind may keep a write from the store, such as 200ms or 2s [default: 1s].
    #[arg(long, value_name = "TIME")]
    pub max_delay: Option<Delay>,

    /// The most keys that write-behind may keep from the store [default: 100000].
    #[arg(long, value_name = "N", value_parser = parse_dirty, allow_negative_numbers = true)]
    pub max_dirty: Option<NonZeroUsize>,

    /// What an acknowledged write survives: volatile (a clean end), process (kill -9) or power (its loss) [default: process].
    ///
    /// With write-behind it is the journal that makes it so, and the store that keeps it so.
    #[arg(long, value_name = "WHAT")]
    pub durability: Option<Durability>,

    /// Threads that serve; each key is served by one of them [default: 8 for each processor].
    ///
    /// The requests of a key keep their order; those of different keys may overtake one another by some hundreds for each
    /// thread, which moves the hits a little from run to run. One thread keeps the order of the trace;
    /// which of the memory tier's shards holds a key still differs.
    #[arg(long, value_name = "N", value_parser = parse_threads, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// Sizes of values, the ends included: one size, or a range.
    #[arg(long, value_name = "MIN..MAX", default_value = "100..1KiB", value_parser = parse_sizes, allow_hyphen_values = true)]
    pub value_size: ValueSizes,

    /// Append every acknowledged write to this file; first read back those that an earlier run appended.
    ///
    /// For kill tests: a write recorded here was acknowledged, whatever happened to the process afterwards.
    #[arg(long, value_name = "FILE", requires = "dir")]
    pub acks: Option<PathBuf>,

    /// Write a page of the figures to this file, which may replace only one like it.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// The form of the report.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How writes reach the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[non_exhaustive]
pub enum WriteMode {
    /// The store acknowledges each write before it counts.
    Through,
    /// A journal acknowledges; the store has the last write of each key a little later.
    Behind,
}

impl Args {
    /// The requests of a generated workload, unless told otherwise.
    pub const REQUESTS: u64 = 500_000;

    /// Threads, unless told otherwise: 8 for each processor, since most of them wait for the store, which
    /// acknowledges the writes of many threads in one commit.
    pub const THREADS_PER_PROCESSOR: NonZeroUsize = NonZeroUsize::new(8).unwrap();

    /// Keys that write-behind may keep from the store, unless told otherwise.
    pub const DIRTY_MAX: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

    /// The most threads.
    pub const THREADS_MAX: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

    /// How many threads serve.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = || {
            processors()
                .saturating_mul(Self::THREADS_PER_PROCESSOR)
                .min(Self::THREADS_MAX)
        };
        self.threads.unwrap_or_else(threads)
    }

    /// What an acknowledged write survives.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability.unwrap_or(Durability::Process)
    }

    /// Refuses what contradicts itself, before anything is opened.
    pub(crate) fn check(&self) -> Result<(), ReplayError> {
        let refuse = |message: &str| Err(ReplayError::Arguments(message.to_owned()));
        self.check_writes()?;
        if matches!(self.store, StoreKind::Redis(_)) && self.dir.is_some() {
            return refuse("a store in Redis keeps no files here: drop --dir, or use --store redb");
        }
        if self.store == StoreKind::Memory {
            if self.dir.is_some() {
                return refuse("--store memory keeps no files: drop --dir, or use --store redb");
            }
            if self
                .durability
                .is_some_and(|kind| kind != Durability::Volatile)
            {
                return refuse(
                    "--store memory survives nothing: drop --durability, or use --store redb",
                );
            }
        }
        Ok(())
    }
}

/// Where the settings of writes contradict one another.
impl Args {
    fn check_writes(&self) -> Result<(), ReplayError> {
        let refuse = |message: String| Err(ReplayError::Arguments(message));
        let settings = [
            ("--journal", self.journal.is_some()),
            ("--max-delay", self.max_delay.is_some()),
            ("--max-dirty", self.max_dirty.is_some()),
        ];
        let given = settings.iter().find(|(_, is_given)| *is_given);
        if let (WriteMode::Through, Some((name, _))) = (self.writes, given) {
            return refuse(format!(
                "{name} is a setting of write-behind: add --writes behind, or drop it"
            ));
        }
        if self.writes == WriteMode::Behind && self.durability == Some(Durability::Volatile) {
            return refuse(
                "a journal survives kill -9 at least: use --durability process or power with --writes behind"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

fn parse_dirty(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "give a whole number from 1".to_owned())
}

/// A count of something that there must be at least one of.
fn parse_count(text: &str) -> Result<NonZeroU64, String> {
    text.parse()
        .map_err(|_| "give a whole number from 1".to_owned())
}

fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse() {
        Ok(threads) if threads <= Args::THREADS_MAX => Ok(threads),
        _ => Err(format!(
            "give a whole number from 1 to {}",
            Args::THREADS_MAX
        )),
    }
}

fn parse_skew(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(skew) if (0.0..=10.0).contains(&skew) => Ok(skew),
        _ => Err("give a number from 0 (uniform) to 10".to_owned()),
    }
}

fn parse_memory(text: &str) -> Result<Bytes, String> {
    let bytes: Bytes = text
        .parse()
        .map_err(|error: crate::units::BytesError| error.to_string())?;
    if bytes.get() == 0 {
        return Err("a memory tier of 0 bytes holds nothing: give a size such as 64MiB".to_owned());
    }
    Ok(bytes)
}

fn parse_disk(text: &str) -> Result<Bytes, String> {
    let bytes: Bytes = text
        .parse()
        .map_err(|error: crate::units::BytesError| error.to_string())?;
    if bytes.get() < DISK_MIN {
        return Err(format!(
            "a disk tier takes {} at least",
            Bytes::new(DISK_MIN)
        ));
    }
    Ok(bytes)
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => {
            Err("give a number from 0 (no request overwrites) to 1 (every request does)".to_owned())
        }
    }
}

fn parse_sizes(text: &str) -> Result<ValueSizes, String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let parse = |part: &str| parse_bytes(part).map_err(|error| error.to_string());
    let (min, max) = (parse(min)?, parse(max.strip_prefix('=').unwrap_or(max))?);
    ValueSizes::new(min, max).map_err(|error| error.to_string())
}
