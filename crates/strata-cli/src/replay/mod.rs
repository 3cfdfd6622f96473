//! `strata replay`: the whole stack serves a trace, and every value that it gives is checked to the byte.
//!
//! Each request reads its key through [`Tiered`](cache_tiered::Tiered). What no tier and no store holds is produced by the
//! origin, a function of key and version ([`value`](compose)), and put. A share of the requests then overwrites its key with
//! the next version. Keys are shared out to threads by hash, so that one thread drives all requests of a key and knows to the
//! version what each read must give. At the end the stack is closed, opened again, and every acknowledged key read back.

mod acknowledgements;
mod answer;
mod arguments;
mod behind;
mod delay;
mod disk_tier;
mod error;
mod journal;
mod latency;
mod ledger;
mod page;
mod read_back;
mod report;
mod source;
mod stack;
mod store_kind;
mod timeline;
mod value;
mod worker;
mod written;

use std::io::{self, Write};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Instant;

use cache_tiered::{CloseReport, TieredStats};

use acknowledgements::AcknowledgementLog;
use ledger::Ledger;
use source::{Overwrites, Source};
use stack::{Cache, Stack};
use worker::{Job, Tally, Worker};

use crate::outcome::{Outcome, UsageError};
use crate::report::{ReportFile, ReportFileError};

pub use acknowledgements::AcknowledgementError;
pub use arguments::{Args, WriteMode};
pub use behind::Behind;
pub use delay::{Delay, DelayError};
pub use disk_tier::{DiskFigures, WrittenBytes};
pub use error::{BoxError, ReplayError};
pub use latency::{LatencyByTier, Percentiles};
pub use report::{Bytes, Configuration, Format, Hits, Recovery, Report};
pub use store_kind::{StoreKind, StoreKindError};
pub use timeline::Slice;
pub use value::{
    Flaw, HEADER_LEN, Identity, VALUE_LEN_MAX, ValueSizes, ValueSizesError, compose, examine,
};

/// Blocks of requests that may wait for a thread.
const QUEUE_BLOCKS: usize = 1;

/// Runs `strata replay`: serves the requests, prints the report to `out` and what was wrong to stderr.
///
/// # Errors
///
/// [`UsageError`] for arguments that contradict one another or describe no workload, else [`ReplayError`], or `out` refusing to be written to.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    // Before the replay, not after it.
    let file = args.report.as_deref();
    let file = file.map(|path| ReportFile::create(path, page::MARK));
    let file = file.transpose().map_err(|error| match error {
        occupied @ ReportFileError::Occupied { .. } => UsageError::new(occupied.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    let report = replay(args).map_err(|error| match error {
        ReplayError::Arguments(message) => UsageError::new(message).into(),
        ReplayError::Workload(error) => UsageError::new(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    for finding in &report.findings {
        // Stderr may be gone; the report says it too.
        let _ = writeln!(io::stderr(), "wrong: {finding}");
    }
    // The file first: whoever reads the output may go away.
    if let Some(file) = file {
        file.finish(page::page(&report).as_bytes())?;
    }
    report.print(args.format, out)?;
    Ok(if report.passed() {
        Outcome::Passed
    } else {
        Outcome::WrongValues
    })
}

/// Serves the requests that `args` describe, checks every value and reads every acknowledged write back.
///
/// ```
/// use clap::Parser;
/// use strata_cli::args::{Cli, Command};
/// use strata_cli::replay::replay;
///
/// let cli = Cli::parse_from(["strata", "replay", "--store", "memory", "--workload", "loop", "--keys", "10", "--requests", "30"]);
/// let Command::Replay(args) = cli.command else { unreachable!() };
/// let report = replay(&args)?;
/// assert!(report.passed());
/// assert_eq!((report.origin, report.hits.memory), (10, 20));
/// # Ok::<(), strata_cli::replay::ReplayError>(())
/// ```
///
/// # Errors
///
/// [`ReplayError`]: what stopped the replay. Wrong values and lost writes are no errors but counted in the report.
pub fn replay(args: &Args) -> Result<Report, ReplayError> {
    args.check()?;
    // What is only read is opened first, so that a bad trace leaves nothing behind.
    let mut source = Source::open(args)?;
    let stack = Stack::prepare(args)?;
    let began_empty = stack.is_new();
    let cache = stack.open()?;
    let (mut workers, recovery) = employ(args, &stack, &cache, began_empty)?;

    let written_before = written::bytes_written();
    let start = Instant::now();
    let overwrites = Overwrites::new(args.write_ratio, args.seed);
    if let Err(error) = serve(&cache, &mut source, &mut workers, overwrites) {
        // The error that stopped the replay says more than one that closing adds to it.
        let _ = cache.close().wait();
        return Err(error);
    }
    let seconds = start.elapsed().as_secs_f64();
    let memory = cache.stats().memory.weight;
    let (stats, disk_tier, closed) = close(cache)?;
    let written = || Some(written::bytes_written()? - written_before?);
    let (disk, disk_written) = (stack.file_bytes(), written());
    let reopened = stack.open()?;
    let read_back = read_back::every_key(&reopened, &mut workers)?;
    close(reopened)?;

    let mut tally = Tally::new();
    for worker in workers {
        tally.merge(worker.tally);
    }
    let log_bytes = args
        .acks
        .as_ref()
        .map_or(0, |_| AcknowledgementLog::bytes(tally.acknowledged_writes));
    let bytes = Bytes {
        memory,
        disk,
        disk_written: disk_written.map(|written| written.saturating_sub(log_bytes)),
        acknowledged: tally.acknowledged_bytes,
    };
    let mut report = report(args, &stack, &source, tally, seconds, bytes);
    report.lost_writes += recovery.map_or(0, |recovery| recovery.lost);
    report.read_back = read_back;
    report.recovery = recovery;
    report.disk_tier = disk_tier;
    report.behind = stack.is_behind().then(|| Behind::of(&stats.behind, closed));
    Ok(report)
}

/// Divides the keys among threads; with an acknowledgement file, first reads back what it lists.
fn employ(
    args: &Args,
    stack: &Stack,
    cache: &Cache,
    began_empty: bool,
) -> Result<(Vec<Worker>, Option<Recovery>), ReplayError> {
    let opened = args
        .acks
        .as_deref()
        .map(AcknowledgementLog::open)
        .transpose()?;
    let (log, acknowledged) = opened.unzip();
    let mut workers = Vec::with_capacity(args.threads().get());
    for _ in 0..args.threads().get() {
        workers.push(Worker {
            pool: stack.pool().clone(),
            sizes: args.value_size.clone(),
            ledger: Ledger::default(),
            log: log.as_ref().map(AcknowledgementLog::another).transpose()?,
            began_empty,
            tally: Tally::new(),
        });
    }
    let recovery = match acknowledged {
        Some(acknowledged) => Some(read_back::acknowledged_before(
            cache,
            &acknowledged,
            &mut workers,
        )?),
        None => None,
    };
    Ok((workers, recovery))
}

/// Serves every request, each by the thread that drives its key; returns when all are served or one has failed.
fn serve(
    cache: &Cache,
    source: &mut Source,
    workers: &mut [Worker],
    overwrites: Overwrites,
) -> Result<(), ReplayError> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut queues = Vec::with_capacity(workers.len());
        let mut threads = Vec::with_capacity(workers.len());
        for worker in workers {
            let (queue, jobs) = sync_channel(QUEUE_BLOCKS);
            queues.push(queue);
            let stop = &stop;
            threads.push(scope.spawn(move || {
                let served = serve_queue(cache, worker, &jobs, stop);
                // Relaxed: a hint to stop early; the results travel by joining.
                stop.fetch_or(served.is_err(), Ordering::Relaxed);
                served
            }));
        }
        let shared_out = source.share_out(&queues, overwrites);
        drop(queues);
        let mut outcome = Ok(());
        for thread in threads {
            outcome = outcome.and(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        outcome.and(shared_out)
    })
}

fn serve_queue(
    cache: &Cache,
    worker: &mut Worker,
    jobs: &Receiver<Vec<Job>>,
    stop: &AtomicBool,
) -> Result<(), ReplayError> {
    for block in jobs {
        for job in block {
            // Relaxed: see the store.
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            worker.serve(cache, job)?;
        }
    }
    Ok(())
}

/// Closes the cache, which brings what is dirty to the store, and lets go of its files.
fn close(cache: Cache) -> Result<(TieredStats, Option<DiskFigures>, CloseReport), ReplayError> {
    let closed = cache.close().wait().map_err(|error| ReplayError::Close {
        source: error.into(),
    })?;
    let disk_tier = cache.disk_stats().as_ref().map(DiskFigures::of);
    Ok((cache.stats(), disk_tier, closed))
}

fn report(
    args: &Args,
    stack: &Stack,
    source: &Source,
    tally: Tally,
    seconds: f64,
    bytes: Bytes,
) -> Report {
    let amplified = |written: u64| written as f64 / bytes.acknowledged as f64;
    Report {
        configuration: Configuration {
            workload: source.name().to_owned(),
            store: stack.describe_store(),
            memory: stack.describe_memory(),
            disk: stack.describe_disk(),
            writes: format!(
                "{}; {} of the requests overwrite",
                stack.describe_writes(),
                args.write_ratio
            ),
            threads: args.threads().get(),
            seed: args.seed,
        },
        requests: tally.requests,
        wrong_values: tally.wrong_values,
        hits: tally.hits,
        origin: tally.origin,
        overwrites: tally.overwrites,
        seconds,
        requests_per_second: tally.requests as f64 / seconds.max(1e-9),
        latency_ns: tally.latencies.percentiles(),
        latency_by_tier_ns: LatencyByTier::of(&tally.reads, &tally.puts),
        slices: tally.timeline.slices(),
        bytes,
        write_amplification: bytes
            .disk_written
            .filter(|_| stack.has_files() && bytes.acknowledged > 0)
            .map(amplified),
        acknowledged_writes: tally.acknowledged_writes,
        lost_writes: tally.lost_writes,
        read_back: 0,
        reopened: stack.outlives(),
        recovery: None,
        disk_tier: None,
        behind: None,
        findings: tally.findings,
    }
}
