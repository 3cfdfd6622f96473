//! Where the requests come from, how they are shared out to threads, and which of them overwrite.

use std::iter;
use std::sync::mpsc::SyncSender;

use super::arguments::Args;
use super::error::ReplayError;
use super::ledger::thread_of;
use super::worker::Job;
use crate::progress::Progress;
use crate::trace::generate::{Generated, Workload, scramble};
use crate::trace::{Reader, Request, TraceError};

/// Jobs that travel to a thread together.
///
/// Few, and few blocks wait ([`QUEUE_BLOCKS`](super::QUEUE_BLOCKS)): the further threads run ahead of one another, the less the
/// order that the memory tier sees is that of the trace.
const BLOCK_JOBS: usize = 64;

/// The requests to serve: of a trace or generated ones.
pub(crate) struct Source {
    kind: Kind,
    /// How many to serve at most.
    limit: u64,
    name: String,
}

enum Kind {
    Trace(Reader),
    Generated(Generated),
}

impl Source {
    /// Opens the trace or the workload that the arguments name.
    pub(crate) fn open(args: &Args) -> Result<Self, ReplayError> {
        let requests = args.requests.map(u64::from);
        let Some(path) = &args.trace else {
            let limit = requests.unwrap_or(Args::REQUESTS);
            let workload = Workload::new(args.workload)
                .keys(args.keys.get())
                .skew(args.skew);
            let workload = workload.requests(limit).seed(args.seed);
            let name = format!(
                "{} over {} keys, seed {}",
                args.workload, args.keys, args.seed
            );
            return Ok(Self {
                kind: Kind::Generated(workload.generate()?),
                limit,
                name,
            });
        };
        let reader = args.read.options().open(path)?;
        let limit = requests.unwrap_or(u64::MAX);
        let name = path.display().to_string();
        Ok(Self {
            kind: Kind::Trace(reader),
            limit,
            name,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn progress(&self) -> Progress {
        match &self.kind {
            Kind::Trace(reader) if self.limit == u64::MAX => {
                Progress::bytes("replaying", reader.file_size())
            }
            _ => Progress::requests("replaying", Some(self.limit)),
        }
    }

    fn next(&mut self) -> Option<Result<Request, TraceError>> {
        match &mut self.kind {
            Kind::Trace(reader) => reader.next(),
            Kind::Generated(generated) => generated.next().map(Ok),
        }
    }

    /// Sends every request to the thread that drives its key, until the requests or the threads end.
    pub(crate) fn share_out(
        &mut self,
        threads: &[SyncSender<Vec<Job>>],
        overwrites: Overwrites,
    ) -> Result<(), ReplayError> {
        let progress = self.progress();
        let block = || Vec::with_capacity(BLOCK_JOBS);
        let mut blocks: Vec<Vec<Job>> = iter::repeat_with(block).take(threads.len()).collect();
        let mut failed = Ok(());
        for ordinal in 0..self.limit {
            let request = match self.next() {
                Some(Ok(request)) => request,
                Some(Err(error)) => {
                    failed = Err(error.into());
                    break;
                }
                None => break,
            };
            let thread = thread_of(request.key, threads.len());
            blocks[thread].push(Job {
                key: request.key,
                ordinal,
                overwrites: overwrites.hit(ordinal),
            });
            if blocks[thread].len() == BLOCK_JOBS {
                let full = std::mem::replace(&mut blocks[thread], block());
                // A thread that no longer listens has failed, and says why when it is joined.
                if threads[thread].send(full).is_err() {
                    return Ok(());
                }
                progress.at(self.position(ordinal + 1));
            }
        }
        for (thread, rest) in threads.iter().zip(blocks) {
            if thread.send(rest).is_err() {
                break;
            }
        }
        failed
    }

    fn position(&self, requests: u64) -> u64 {
        match &self.kind {
            Kind::Trace(reader) if self.limit == u64::MAX => reader.bytes_read(),
            _ => requests,
        }
    }
}

/// Which requests overwrite their key: a share, decided by seed and ordinal, whatever the threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overwrites {
    seed: u64,
    /// `ratio` of 2^64.
    threshold: u128,
}

impl Overwrites {
    /// `ratio` from 0 to 1.
    pub(crate) fn new(ratio: f64, seed: u64) -> Self {
        let threshold = (ratio * 2_f64.powi(64)) as u128;
        Self {
            seed: scramble(seed),
            threshold,
        }
    }

    fn hit(self, ordinal: u64) -> bool {
        u128::from(scramble(self.seed ^ scramble(ordinal))) < self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overwrites_are_the_share_asked_for() {
        let count = |ratio| {
            let overwrites = Overwrites::new(ratio, 1);
            (0..100_000)
                .filter(|&ordinal| overwrites.hit(ordinal))
                .count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 100_000));
        assert!(count(0.1).abs_diff(10_000) < 500, "{}", count(0.1));
    }

    #[test]
    fn another_seed_overwrites_others() {
        let first = |seed| (0..1000).filter(move |&at| Overwrites::new(0.1, seed).hit(at));
        assert!(first(1).eq(first(1)));
        assert!(!first(1).eq(first(2)));
    }
}
