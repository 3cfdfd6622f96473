//! What the journal holds when a cache is built: dirty again, and due.

use super::entry::Change;
use super::health::Health;
use super::set::DirtySet;
use super::worker::{Engine, Pace};
use super::{Codecs, Recovered, WriteBehind};
use crate::activity::Activity;
use crate::alarm::Alarm;
use crate::durability::Durability;
use crate::error::JournalError;
use crate::events::Broadcast;
use crate::journal::{self, Journal, JournalOptions, Record, Recovery};
use crate::memory::{Clock, milliseconds};
use crate::observe::Observer;
use crate::store::erased::ErasedStore;
use crate::tiered::WriteBehindSettings;
use crate::timer::Timer;
use std::sync::Arc;

/// The journal's own settings.
fn options(
    settings: &WriteBehindSettings,
    activity: Activity,
    observer: &Observer,
) -> JournalOptions {
    JournalOptions {
        segment_bytes: settings.segment_bytes,
        capacity_bytes: settings.capacity_bytes,
        durability: settings.durability,
        // The caller waits instead, so that the workers learn of it.
        when_full: journal::WhenFull::Refuse,
        dead_letters_max: settings.dead_letters_max,
        salvage: settings.salvage,
        activity,
        observer: observer.clone(),
        ..JournalOptions::default()
    }
}

#[cfg(unix)]
fn open(
    settings: &WriteBehindSettings,
    activity: Activity,
    observer: &Observer,
) -> Result<(Journal, Recovery), JournalError> {
    Ok(Journal::open(
        &settings.journal,
        options(settings, activity, observer),
    )?)
}

#[cfg(not(unix))]
fn open(
    settings: &WriteBehindSettings,
    activity: Activity,
    observer: &Observer,
) -> Result<(Journal, Recovery), JournalError> {
    let _settings = options(settings, activity, observer);
    Err(JournalError::unsupported())
}

impl<K, V> WriteBehind<K, V>
where
    K: Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Opens the journal, and takes up what it holds.
    pub(crate) fn open(
        codecs: Codecs<K, V>,
        store: Arc<dyn ErasedStore<K, V>>,
        clock: Arc<dyn Clock>,
        (events, observer): (&Arc<Broadcast<K>>, &Observer),
        hash: impl Fn(&K) -> u64,
    ) -> Result<Self, JournalError> {
        let (settings, keys, values) = (codecs.settings, codecs.keys, codecs.values);
        let (journal, recovery) = open(&settings, clock.activity(), observer)?;
        let journal = Arc::new(journal);
        let pace = Pace {
            max_delay: milliseconds(settings.max_delay),
            batch: settings.batch.max(1),
            lanes: settings.lanes.max(1),
            synced: settings.durability == Durability::Power,
        };
        let engine = Engine::new(
            DirtySet::new(settings.max_dirty, settings.max_dirty_bytes),
            Health::new(settings.retry),
            store,
            (&journal, events),
            observer.clone(),
            Alarm::new(Arc::clone(&clock)),
            pace,
        );
        let mut behind = Self {
            engine: Arc::new(engine),
            journal,
            keys,
            values,
            when_full: settings.when_full,
            timer: Timer::new(clock),
            recovered: Recovered {
                stamp_high: recovery.stamp_high,
                dirty: 0,
                losses: recovery.losses.len() as u64,
            },
        };
        behind.recovered.dirty = behind.take_up(recovery.records, hash)?;
        Ok(behind)
    }

    /// Takes in records and dead letters, of each key the latest; returns how many are dirty.
    fn take_up(&self, records: Vec<Record>, hash: impl Fn(&K) -> u64) -> Result<u64, JournalError> {
        let letters = self.journal.dead_letters(0, usize::MAX)?;
        let letters = letters
            .into_iter()
            .map(|letter| (letter.record, Some(letter.reason)));
        let mut all: Vec<_> = records.into_iter().map(|record| (record, None)).collect();
        all.extend(letters);
        all.sort_unstable_by_key(|(record, _)| record.sequence);
        let mut decoded = Vec::with_capacity(all.len());
        for (record, reason) in all {
            let (key, change) = self.decode(record)?;
            decoded.push((hash(&key), key, change, reason));
        }
        let now = self.engine.alarm.now();
        let set = &self.engine.set;
        let mut replaced = Vec::new();
        for (hash, key, change, reason) in decoded {
            let (value, stamp, sequence, bytes) = change;
            let change = Change {
                key,
                value,
                stamp,
                sequence,
                bytes,
            };
            replaced.extend(set.restore(hash, change, reason.map(Arc::from), now));
        }
        // The older ones first: they come in that order.
        self.journal.settle(&replaced);
        let dirty = set.room.used().0;
        if dirty > 0 {
            self.engine.call();
        }
        Ok(dirty as u64)
    }

    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    fn decode(&self, record: Record) -> Result<(K, (Option<V>, u64, u64, usize)), JournalError> {
        let Record {
            sequence,
            stamp,
            key,
            change,
        } = record;
        let mut bytes = key.len();
        let undecodable = |error| JournalError::undecodable(sequence, error);
        let key = self.keys.decode(&key).map_err(undecodable)?;
        let value = match change {
            journal::Change::Remove => None,
            journal::Change::Put(value) => {
                bytes += value.len();
                Some(self.values.decode(&value).map_err(undecodable)?)
            }
        };
        Ok((key, (value, stamp, sequence, bytes)))
    }
}
