//! Group commit: of the threads that write at the same time, one commits for all.
//!
//! ```text
//!   submit: queue the batch;  nobody leads -> lead,  else wait
//!   lead:   take what is queued -> one transaction -> tell everybody -> the next in the queue leads
//! ```
//!
//! A leader commits one group only, the one that its own batch is in, so no caller works for
//! others for longer than for itself.

use super::backend::Syncs;
use super::database::{Failed, Reopening, TABLE};
use super::error::{RedbError, is_echo, is_latched, storage};
use crate::sink::{Applied, ApplyError};
use parking_lot::{Condvar, Mutex};
use redb::{Database, Durability, ReadableDatabase};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of keys and values in one transaction, beyond which the rest waits for the next.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// One mutation as bytes; a removal has no value.
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

impl Change {
    fn len(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

type Outcome = Result<Applied, ApplyError<RedbError>>;

/// A batch, and where its thread waits.
struct Request {
    changes: Vec<Change>,
    seat: Arc<Seat>,
}

#[derive(Default)]
struct Seat {
    news: Mutex<Option<News>>,
    told: Condvar,
}

enum News {
    /// It is done.
    Outcome(Outcome),
    /// This thread commits the next group.
    Lead,
}

impl Seat {
    fn tell(&self, news: News) {
        *self.news.lock() = Some(news);
        self.told.notify_one();
    }

    fn wait(&self) -> News {
        let mut news = self.news.lock();
        loop {
            match news.take() {
                Some(news) => return news,
                None => self.told.wait(&mut news),
            }
        }
    }
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    /// Some thread leads, or was told to.
    led: bool,
}

/// Commits groups of batches.
pub(super) struct Committer {
    queue: Mutex<Queue>,
    /// Transactions committed, and batches in them. Relaxed: statistics.
    commits: AtomicU64,
    batches: AtomicU64,
}

impl Committer {
    pub(super) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            commits: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        }
    }

    /// Transactions committed, and batches in them.
    pub(super) fn counts(&self) -> (u64, u64) {
        (
            self.commits.load(Ordering::Relaxed),
            self.batches.load(Ordering::Relaxed),
        )
    }

    /// Applies a batch, in one transaction with those that others submit meanwhile.
    pub(super) fn submit(&self, file: &Reopening, syncs: &Syncs, changes: Vec<Change>) -> Outcome {
        let seat = Arc::new(Seat::default());
        let leads = {
            let mut queue = self.queue.lock();
            queue.requests.push_back(Request {
                changes,
                seat: Arc::clone(&seat),
            });
            !std::mem::replace(&mut queue.led, true)
        };
        if leads {
            self.lead(file, syncs);
        }
        loop {
            match seat.wait() {
                News::Outcome(outcome) => return outcome,
                News::Lead => self.lead(file, syncs),
            }
        }
    }

    /// Commits the group at the head of the queue, then passes the lead on.
    fn lead(&self, file: &Reopening, syncs: &Syncs) {
        let group = self.take_group();
        // redb asserts its invariants; a panic of it must not leave threads waiting for ever.
        let outcomes = catch_unwind(AssertUnwindSafe(|| commit(file, syncs, &group)));
        let outcomes = outcomes.unwrap_or_else(|_| {
            let error = RedbError::Other("redb panicked".to_owned());
            group
                .iter()
                .map(|_| Err(ApplyError::Unknown(error.clone())))
                .collect()
        });
        if outcomes.iter().any(Result::is_ok) {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.batches
                .fetch_add(group.len() as u64, Ordering::Relaxed);
        }
        // The lead first: the next group need not wait until this one's threads have woken.
        let mut queue = self.queue.lock();
        match queue.requests.front() {
            Some(next) => next.seat.tell(News::Lead),
            None => queue.led = false,
        }
        drop(queue);
        for (request, outcome) in group.into_iter().zip(outcomes) {
            request.seat.tell(News::Outcome(outcome));
        }
    }

    fn take_group(&self) -> Vec<Request> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let mut group = Vec::new();
        while let Some(request) = queue.requests.front() {
            bytes += request.changes.iter().map(Change::len).sum::<usize>();
            if bytes > GROUP_BYTES_MAX && !group.is_empty() {
                break;
            }
            group.extend(queue.requests.pop_front());
        }
        group
    }
}

/// Commits a group in one transaction. A batch that redb does not take fails alone.
fn commit(file: &Reopening, syncs: &Syncs, group: &[Request]) -> Vec<Outcome> {
    let attempt = attempt(file, syncs, group);
    match attempt {
        Ok(applied) => applied.into_iter().map(Ok).collect(),
        Err(ApplyError::Refused(RedbError::TooLarge(_))) if group.len() > 1 => group
            .chunks(1)
            .flat_map(|alone| commit(file, syncs, alone))
            .collect(),
        Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// How far a transaction came before it failed.
enum Stage {
    /// It was not committed, so nothing of it took effect.
    Before(redb::Error),
    /// Within the commit: all of it took effect, or nothing.
    Within(redb::Error, Vec<Applied>),
}

fn attempt(
    file: &Reopening,
    syncs: &Syncs,
    group: &[Request],
) -> Result<Vec<Applied>, ApplyError<RedbError>> {
    if syncs.have_failed() {
        return Err(ApplyError::Refused(RedbError::Unsynced));
    }
    let mut last_try = false;
    loop {
        let (stage, generation) = {
            let opened = file
                .opened()
                .map_err(|failed| ApplyError::Refused(failed.into()))?;
            match transact(&opened.database, group) {
                // A device tells of lost pages once, and it may have told a flush beside this.
                Ok(_) if syncs.are_real() && syncs.have_failed() => {
                    return Err(ApplyError::Unknown(RedbError::Unsynced));
                }
                Ok(applied) => return Ok(applied),
                Err(stage) => (stage, opened.generation),
            }
        };
        match stage {
            Stage::Before(error) => {
                if is_latched(&error) {
                    file.reopen(generation);
                }
                if last_try || !is_echo(&error) {
                    return Err(ApplyError::Refused(error.into()));
                }
                last_try = true;
            }
            Stage::Within(error, applied) => {
                file.reopen(generation);
                return settle(file, syncs, group, applied, error.into());
            }
        }
    }
}

/// Writes and commits the group.
fn transact(database: &Database, group: &[Request]) -> Result<Vec<Applied>, Stage> {
    let applied = (|| {
        let mut write = database.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        let mut applied = Vec::with_capacity(group.len());
        {
            let mut table = write.open_table(TABLE)?;
            for request in group {
                let mut existed = Applied::new();
                for change in &request.changes {
                    let key = change.key.as_slice();
                    existed.push(match &change.value {
                        Some(value) => table.insert(key, value.as_slice())?.is_some(),
                        None => table.remove(key)?.is_some(),
                    });
                }
                applied.push(existed);
            }
        }
        Ok::<_, redb::Error>((write, applied))
    })();
    let (write, applied) = applied.map_err(Stage::Before)?;
    match write.commit() {
        Ok(()) => Ok(applied),
        Err(error) => Err(Stage::Within(error.into(), applied)),
    }
}

/// Finds out what became of a commit that failed. The file was opened again, which has settled it
/// one way or the other; what is there now tells which.
fn settle(
    file: &Reopening,
    syncs: &Syncs,
    group: &[Request],
    applied: Vec<Applied>,
    error: RedbError,
) -> Result<Vec<Applied>, ApplyError<RedbError>> {
    // A device that failed to sync may show what it does not hold: no reading tells.
    if syncs.have_failed() {
        return Err(ApplyError::Unknown(error));
    }
    match file.step(|database| holds(database, group)) {
        Ok(false) => Err(ApplyError::Refused(error)),
        // It is there; the sync that should have followed is made up for.
        Ok(true) if !syncs.are_real() || matches!(file.sync(), Ok(Ok(()))) => Ok(applied),
        Ok(true) | Err(_) => Err(ApplyError::Unknown(error)),
    }
}

/// Whether the table holds what the group would leave in it.
fn holds(database: &Database, group: &[Request]) -> Result<bool, redb::Error> {
    let changes = group.iter().flat_map(|request| &request.changes);
    let last: BTreeMap<&[u8], Option<&[u8]>> = changes
        .map(|change| (change.key.as_slice(), change.value.as_deref()))
        .collect();
    let table = database.begin_read()?.open_table(TABLE)?;
    for (key, value) in last {
        let found = table.get(key).map_err(storage)?;
        if found.as_ref().map(|found| found.value()) != value {
            return Ok(false);
        }
    }
    Ok(true)
}

impl From<Failed> for RedbError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Step(error) => error.into(),
            Failed::Closed(error) => Self::Reopen(error),
        }
    }
}

#[cfg(test)]
mod tests;
