//! One thread's part of a replay: its keys, what they must hold, and what it met.

use std::time::{Duration, Instant};

use super::acknowledgements::AcknowledgementLog;
use super::answer::{Answer, ByAnswer};
use super::error::ReplayError;
use super::latency::Latencies;
use super::ledger::{Entered, Ledger};
use super::report::Hits;
use super::stack::Cache;
use super::timeline::Timeline;
use super::value::{self, Identity, ValueSizes};
use buffer_pool::BufferPool;

/// Wrong values and lost writes that one thread describes in words; all are counted.
const FINDINGS_MAX: usize = 4;

/// A request on its way to the thread that drives its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Job {
    pub(crate) key: u64,
    /// How many requests came before it.
    pub(crate) ordinal: u64,
    /// Whether the request overwrites its key after reading it.
    pub(crate) overwrites: bool,
}

/// What one thread served and found.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) hits: Hits,
    pub(crate) origin: u64,
    pub(crate) overwrites: u64,
    pub(crate) wrong_values: u64,
    pub(crate) lost_writes: u64,
    pub(crate) acknowledged_writes: u64,
    pub(crate) acknowledged_bytes: u64,
    /// Of whole requests.
    pub(crate) latencies: Latencies,
    /// Of their reads alone.
    pub(crate) reads: ByAnswer<Latencies>,
    pub(crate) puts: Latencies,
    pub(crate) timeline: Timeline,
    pub(crate) findings: Vec<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            requests: 0,
            hits: Hits::default(),
            origin: 0,
            overwrites: 0,
            wrong_values: 0,
            lost_writes: 0,
            acknowledged_writes: 0,
            acknowledged_bytes: 0,
            latencies: Latencies::new(),
            reads: ByAnswer::from_fn(|_| Latencies::new()),
            puts: Latencies::new(),
            timeline: Timeline::new(),
            findings: Vec::new(),
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.hits.memory += other.hits.memory;
        self.hits.disk += other.hits.disk;
        self.hits.store += other.hits.store;
        self.origin += other.origin;
        self.overwrites += other.overwrites;
        self.wrong_values += other.wrong_values;
        self.lost_writes += other.lost_writes;
        self.acknowledged_writes += other.acknowledged_writes;
        self.acknowledged_bytes += other.acknowledged_bytes;
        self.latencies.merge(&other.latencies);
        self.reads.merge(&other.reads, Latencies::merge);
        self.puts.merge(&other.puts);
        self.timeline.merge(other.timeline);
        self.findings.extend(other.findings);
    }

    /// Counts whose answer the read of a request got, and how long it took.
    fn answered(&mut self, ordinal: u64, answer: Answer, latency: Duration) {
        match answer {
            Answer::Memory => self.hits.memory += 1,
            Answer::Disk => self.hits.disk += 1,
            Answer::Store => self.hits.store += 1,
            Answer::Origin => self.origin += 1,
        }
        self.reads[answer].record(latency);
        self.timeline.record(ordinal, answer);
    }

    fn wrong(&mut self, finding: impl FnOnce() -> String) {
        self.wrong_values += 1;
        self.find(finding);
    }

    pub(crate) fn lost(&mut self, finding: impl FnOnce() -> String) {
        self.lost_writes += 1;
        self.find(finding);
    }

    pub(crate) fn find(&mut self, finding: impl FnOnce() -> String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding());
        }
    }
}

/// The keys of one thread, and what it met.
pub(crate) struct Worker {
    pub(crate) pool: BufferPool,
    pub(crate) sizes: ValueSizes,
    pub(crate) ledger: Ledger,
    pub(crate) log: Option<AcknowledgementLog>,
    /// The store began empty, so that a value nobody is known to have written is wrong.
    pub(crate) began_empty: bool,
    pub(crate) tally: Tally,
}

impl Worker {
    /// Reads the key; what nobody holds is made by the origin and put; then overwrites, if that is asked.
    ///
    /// The clock runs while the stack works, not while values are checked.
    pub(crate) fn serve(&mut self, cache: &Cache, job: Job) -> Result<(), ReplayError> {
        let start = Instant::now();
        let hit = cache.get(&job.key).wait();
        let mut latency = start.elapsed();
        let hit = hit.map_err(|error| ReplayError::Read {
            key: job.key,
            source: error.into(),
        })?;
        let answer = hit
            .as_ref()
            .map_or(Answer::Origin, |hit| Answer::of(hit.tier));
        self.tally.answered(job.ordinal, answer, latency);
        match hit {
            Some(hit) => {
                self.check(job.key, &hit.value);
            }
            None => {
                if let Some(version) = self.ledger.version(job.key) {
                    let lost = Identity {
                        key: job.key,
                        version,
                    };
                    self.tally
                        .lost(|| format!("{lost} was acknowledged, and then nobody held it"));
                }
                latency += self.write(cache, job.key)?;
            }
        }
        if job.overwrites {
            self.tally.overwrites += 1;
            latency += self.write(cache, job.key)?;
        }
        self.tally.requests += 1;
        self.tally.latencies.record(latency);
        Ok(())
    }

    fn check(&mut self, key: u64, bytes: &[u8]) {
        let version = match value::examine(bytes, key) {
            Ok(version) => version,
            Err(flaw) => return self.tally.wrong(|| format!("key {key}: read {flaw}")),
        };
        match self.ledger.enter(Identity { key, version }) {
            Entered::Expected => {}
            Entered::Learnt if self.began_empty => {
                self.tally
                    .wrong(|| format!("key {key}: read version {version}, which nobody wrote"));
            }
            Entered::Learnt => {}
            Entered::Instead(current) => {
                self.tally
                    .wrong(|| format!("key {key}: read version {version} instead of {current}"));
            }
        }
    }

    /// Puts the next version of `key`, and returns how long the stack took for it.
    fn write(&mut self, cache: &Cache, key: u64) -> Result<Duration, ReplayError> {
        let next = self.ledger.successor(key);
        let size = self.sizes.of(next);
        let bytes = value::compose(next, size, &self.pool);
        let start = Instant::now();
        let put = cache.put(key, bytes).wait();
        let latency = start.elapsed();
        self.tally.puts.record(latency);
        if let Err(error) = put {
            return Err(ReplayError::Write {
                written: next,
                source: error.into(),
            });
        }
        if let Some(log) = &self.log {
            log.append(next)?;
        }
        self.ledger.acknowledge(next);
        self.tally.acknowledged_writes += 1;
        self.tally.acknowledged_bytes += u64::from(size) + size_of::<u64>() as u64;
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use cache_tiered::{InMemory, MemoryTier, Tiered};

    use super::*;

    fn worker() -> (Cache, Worker) {
        let builder = Tiered::builder().memory(MemoryTier::entries(100));
        let cache = builder.store(InMemory::new()).build().expect("a cache");
        let worker = Worker {
            pool: BufferPool::builder().build(),
            sizes: ValueSizes::new(100, 200).expect("a range"),
            ledger: Ledger::default(),
            log: None,
            began_empty: true,
            tally: Tally::new(),
        };
        (cache, worker)
    }

    fn serve(worker: &mut Worker, cache: &Cache, key: u64) {
        worker
            .serve(
                cache,
                Job {
                    key,
                    ordinal: 0,
                    overwrites: false,
                },
            )
            .expect("a store that works");
    }

    fn found(worker: &Worker) -> (u64, u64, &[String]) {
        (
            worker.tally.wrong_values,
            worker.tally.lost_writes,
            &worker.tally.findings,
        )
    }

    /// Puts a value past the worker.
    fn put(worker: &Worker, cache: &Cache, key: u64, identity: Identity) {
        let value = value::compose(identity, 100, &worker.pool);
        cache.put(key, value).wait().expect("a store that works");
    }

    #[test]
    fn what_is_right_is_not_complained_about() {
        let (cache, mut worker) = worker();
        for overwrites in [false, true, true, false] {
            worker
                .serve(
                    &cache,
                    Job {
                        key: 1,
                        ordinal: 0,
                        overwrites,
                    },
                )
                .expect("a store that works");
        }
        assert_eq!(found(&worker), (0, 0, &[][..]));
        assert_eq!((worker.tally.origin, worker.tally.hits.memory), (1, 3));
        assert_eq!(worker.tally.acknowledged_writes, 3);
        assert_eq!(worker.ledger.version(1), Some(3));
    }

    #[test]
    fn a_stale_value_is_wrong() {
        let (cache, mut worker) = worker();
        worker
            .serve(
                &cache,
                Job {
                    key: 1,
                    ordinal: 0,
                    overwrites: true,
                },
            )
            .expect("a store that works");
        put(&worker, &cache, 1, Identity { key: 1, version: 1 });
        serve(&mut worker, &cache, 1);
        let finding = "key 1: read version 1 instead of 2".to_owned();
        assert_eq!(found(&worker), (1, 0, &[finding][..]));
    }

    #[test]
    fn a_value_that_nobody_wrote_is_wrong() {
        let (cache, mut worker) = worker();
        put(&worker, &cache, 1, Identity { key: 1, version: 9 });
        serve(&mut worker, &cache, 1);
        let finding = "key 1: read version 9, which nobody wrote".to_owned();
        assert_eq!(found(&worker), (1, 0, &[finding][..]));
    }

    #[test]
    fn an_acknowledged_value_that_vanishes_is_lost() {
        let (cache, mut worker) = worker();
        serve(&mut worker, &cache, 1);
        cache.remove(&1).wait().expect("a store that works");
        serve(&mut worker, &cache, 1);
        let finding = "version 1 of key 1 was acknowledged, and then nobody held it".to_owned();
        assert_eq!(found(&worker), (0, 1, &[finding][..]));
        assert_eq!((worker.tally.origin, worker.tally.requests), (2, 2));
    }

    #[test]
    fn all_is_counted_and_the_first_is_told() {
        let (cache, mut worker) = worker();
        put(&worker, &cache, 1, Identity { key: 2, version: 1 });
        for _ in 0..100 {
            serve(&mut worker, &cache, 1);
        }
        assert_eq!(worker.tally.wrong_values, 100);
        assert_eq!(worker.tally.findings.len(), FINDINGS_MAX);
    }
}
