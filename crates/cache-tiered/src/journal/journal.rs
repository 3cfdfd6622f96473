//! `Journal`: the handle.

use super::clean::Body;
use super::commit::{Append, Committer};
use super::error::{AppendError, OpenError, ReadError};
use super::frame::{Kind, frame_bytes};
use super::log::Log;
use super::open::open;
use super::options::{JournalOptions, REASON_MAX};
use super::recovery::{Change, Record, Recovery};
use super::stats::JournalStats;
use super::work::Task;
use crate::device::Device;
use std::sync::Arc;

/// A record that its user gave up, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) record: Record,
    pub(crate) reason: String,
}

/// Looks at what is to be settled.
#[cfg(test)]
type Look = Box<dyn Fn(&[u64]) + Send + Sync>;

/// The journal. Any number of threads may use it through a shared reference.
pub(crate) struct Journal {
    committer: Arc<Committer>,
    bytes_max: u64,
    /// Called with what is to be settled, before it is.
    #[cfg(test)]
    settling: std::sync::OnceLock<Look>,
}

impl Journal {
    /// Opens the journal in the directory `path`, which is made if there is none; its parent must
    /// be there. Holds an exclusive lock until the journal and all of its handles are dropped.
    #[cfg(unix)]
    pub(crate) fn open(
        path: &std::path::Path,
        options: JournalOptions,
    ) -> Result<(Self, Recovery), OpenError> {
        let device = crate::device::Directory::open(path)?;
        Self::open_on(Arc::new(device), options)
    }

    /// Opens the journal on a device.
    pub(crate) fn open_on(
        device: Arc<dyn Device>,
        options: JournalOptions,
    ) -> Result<(Self, Recovery), OpenError> {
        let (log, recovery) = open(device, options)?;
        let journal = Self {
            bytes_max: log.options.record_bytes_max(),
            committer: Committer::new(log),
            #[cfg(test)]
            settling: std::sync::OnceLock::new(),
        };
        Ok((journal, recovery))
    }

    /// Appends a record. It has its place in the order when this returns, and is acknowledged when
    /// the handle tells its sequence.
    pub(crate) fn append(
        &self,
        stamp: u64,
        key: Vec<u8>,
        change: Change,
    ) -> Result<Append, AppendError> {
        let (kind, value) = match change {
            Change::Put(value) => (Kind::Put, value),
            Change::Remove => (Kind::Remove, Vec::new()),
        };
        let bytes = frame_bytes(key.len(), value.len()).unwrap_or(u64::MAX);
        if bytes > self.bytes_max {
            return Err(AppendError::TooLarge {
                bytes,
                bytes_max: self.bytes_max,
            });
        }
        Ok(self.committer.submit(Task::Record {
            kind,
            stamp,
            key,
            value,
        }))
    }

    /// Tells that records are done: applied, superseded, or dead letters to be discarded. Unknown
    /// ones are passed over. It is noted with the next group; what a crash catches before that is
    /// given back at the next opening.
    ///
    /// Of two records of one key settle the older one first, or both in one call: else a crash
    /// in between would give back the older one alone.
    pub(crate) fn settle(&self, sequences: &[u64]) {
        #[cfg(test)]
        if let Some(look) = self.settling.get() {
            look(sequences);
        }
        self.committer.settle(sequences);
    }

    /// Has `look` called from now on with what is to be settled, before it is; only once.
    #[cfg(test)]
    pub(crate) fn on_settling(&self, look: impl Fn(&[u64]) + Send + Sync + 'static) {
        assert!(self.settling.set(Box::new(look)).is_ok(), "one looks");
    }

    /// Marks a record dead, with a reason of which 512 bytes are kept: it stays, across restarts,
    /// until it is revived or settled, and is not among the records given back at opening.
    pub(crate) fn bury(&self, sequence: u64, reason: &str) -> Append {
        let end = reason.floor_char_boundary(REASON_MAX);
        self.committer.submit(Task::Bury {
            subject: sequence,
            reason: reason[..end].to_owned(),
        })
    }

    /// Makes a dead record one to be applied again.
    pub(crate) fn revive(&self, sequence: u64) -> Append {
        self.committer.submit(Task::Revive { subject: sequence })
    }

    /// Up to `limit` dead letters with sequences beyond `after`, in order. Reads them from the
    /// files, and waits for a group that is being written.
    pub(crate) fn dead_letters(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, ReadError> {
        self.committer.with_log(|log| {
            let dead = log.ledger.dead_after(after).take(limit);
            dead.map(|sequence| letter(log, sequence)).collect()
        })
    }

    /// Done when all that was appended and settled before is written. Fails if what was settled
    /// could not be noted: it is with the next group, or given back at the next opening.
    pub(crate) fn flush(&self) -> Append {
        self.committer.submit(Task::Barrier)
    }

    /// Takes no more records, and ends when those queued and all that was settled are written.
    /// Records that wait for room are refused.
    pub(crate) fn close(&self) -> Result<(), AppendError> {
        let last = self.flush();
        self.committer.close();
        match last.wait() {
            // It stood behind records that waited for room.
            Ok(_) | Err(AppendError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The counters, as of the last group.
    pub(crate) fn stats(&self) -> JournalStats {
        self.committer.stats()
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn letter(log: &Log, sequence: u64) -> Result<DeadLetter, ReadError> {
    let (place, reason) = log.ledger.find(sequence).expect("listed as dead");
    let Body {
        kind,
        stamp,
        key,
        value,
    } = log.read(place)?;
    let change = if kind == Kind::Put {
        Change::Put(value)
    } else {
        Change::Remove
    };
    let record = Record {
        sequence,
        stamp,
        key,
        change,
    };
    Ok(DeadLetter {
        record,
        reason: reason.unwrap_or_default().to_owned(),
    })
}
