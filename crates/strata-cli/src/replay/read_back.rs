//! Reading acknowledged writes back: those of this run at its end, those of earlier runs at the start.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread;

use super::error::ReplayError;
use super::ledger::{Versions, thread_of};
use super::report::Recovery;
use super::stack::Cache;
use super::value::{self, Flaw, Identity};
use super::worker::Worker;
use crate::progress::Progress;

/// Keys between two steps of the progress bar.
const STEP: u64 = 4096;

/// What a key turned out to hold.
enum Held {
    Version(u32),
    Nothing,
    Flawed(Flaw),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version} is there"),
            Self::Nothing => f.write_str("nothing is there"),
            Self::Flawed(flaw) => write!(f, "what is there is {flaw}"),
        }
    }
}

fn held(cache: &Cache, key: u64) -> Result<Held, ReplayError> {
    let hit = cache.get(&key).wait();
    let hit = hit.map_err(|error| ReplayError::Read {
        key,
        source: error.into(),
    })?;
    Ok(match hit.map(|hit| value::examine(&hit.value, key)) {
        Some(Ok(version)) => Held::Version(version),
        Some(Err(flaw)) => Held::Flawed(flaw),
        None => Held::Nothing,
    })
}

/// Reads back every key of every ledger, each thread its own; returns how many there were.
///
/// What is not, to the byte, the version that must be current is counted as lost.
pub(crate) fn every_key(cache: &Cache, workers: &mut [Worker]) -> Result<u64, ReplayError> {
    let keys = workers
        .iter()
        .map(|worker| worker.ledger.len() as u64)
        .sum();
    let progress = Progress::requests("reading back", Some(keys));
    let (steps, stepped) = channel();
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(workers.len());
        for worker in workers {
            let steps = steps.clone();
            threads.push(scope.spawn(move || {
                every_key_of(cache, worker, |step| {
                    // The receiver outlives the threads.
                    let _ = steps.send(step);
                })
            }));
        }
        drop(steps);
        let mut position = 0;
        for step in stepped {
            position += step;
            progress.at(position);
        }
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        threads.into_iter().map(join).fold(Ok(()), Result::and)
    })?;
    Ok(keys)
}

fn every_key_of(
    cache: &Cache,
    worker: &mut Worker,
    mut step: impl FnMut(u64),
) -> Result<(), ReplayError> {
    let Worker { ledger, tally, .. } = worker;
    let mut since = 0;
    for (&key, &version) in ledger.iter() {
        match held(cache, key)? {
            Held::Version(found) if found == version => {}
            held => {
                let wanted = Identity { key, version };
                tally.lost(|| format!("{wanted} was acknowledged; at the end {held}"));
            }
        }
        since += 1;
        if since == STEP {
            step(STEP);
            since = 0;
        }
    }
    Ok(())
}

/// Reads back what earlier runs saw acknowledged, and enters what is there into the ledgers.
///
/// A newer version than the acknowledged one is no loss: its write was under way when the process ended.
pub(crate) fn acknowledged_before(
    cache: &Cache,
    acknowledged: &Versions,
    workers: &mut [Worker],
) -> Result<Recovery, ReplayError> {
    let progress = Progress::requests("reading back", Some(acknowledged.len() as u64));
    let mut recovery = Recovery::default();
    for (&key, &version) in acknowledged {
        let thread = thread_of(key, workers.len());
        let worker = &mut workers[thread];
        let held = held(cache, key)?;
        let kept = matches!(held, Held::Version(found) if found >= version);
        if let Held::Version(version) = held {
            worker.ledger.enter(Identity { key, version });
        }
        if !kept {
            let wanted = Identity { key, version };
            recovery.lost += 1;
            worker
                .tally
                .find(|| format!("{wanted} was acknowledged to an earlier run; now {held}"));
        }
        recovery.checked += 1;
        if recovery.checked % STEP == 0 {
            progress.at(recovery.checked);
        }
    }
    Ok(recovery)
}
