//! Write-behind: acknowledged when journaled, applied to the store later, by threads of its own.
//!
//! ```text
//!   put:     room -> journal -> dirty set -> acknowledged          (the caller has the key)
//!   worker:  due, cold or asked for -> a batch flies -> the store -> landed, settled in the journal
//!                                                   \-> waits again, or a dead letter
//!   get:     memory, else the dirty set, else the store
//! ```
//!
//! # What holds
//!
//! * A change is in the journal before it is in the set, and in the set before it is acknowledged;
//!   it is settled in the journal and then leaves the set when the store has it. So at every instant
//!   a reader who asks set, then store, finds the latest change, and so does who opens the journal
//!   after a crash; and of two changes of a key the older one is settled first.
//! * One change of a key flies at a time. One that comes meanwhile waits in the same entry, so the
//!   store sees the changes of a key in their order, less those that a later one replaced.
//! * A replaced change is settled when its successor is in the journal, and before that is in the
//!   set.
//! * No lock is held while the store or the journal is at work, but for the right to the key.
//!
//! # When the store fails
//!
//! A batch that fails is split until the changes that fail by themselves are found; each of these
//! is tried again after a pause. A failure counts against a change only if the store has taken
//! another one since the last that counted, so that a store that is down uses up nothing. When two
//! keys failed with no success between, the store as a whole is taken to be down: one change
//! at a time probes it, with pauses, until one goes through.
//!
//! # The files
//!
//! `entry`, `shard`, `set` are the dirty keys and the order in which they are due, `room` bounds
//! them; `admit` journals a change; `worker` decides what flies, `attempt` flies it, `health` knows
//! how the store is; `flush` waits, `letters` are the dead letters, `recover` reads the journal.

mod admit;
mod attempt;
mod entry;
mod flush;
mod health;
mod letters;
mod recover;
mod room;
mod set;
mod shard;
mod staff;
mod tally;
#[cfg(all(test, unix))]
mod tests;
mod worker;

pub(crate) use self::admit::Refusal;
pub(crate) use self::flush::Flushed;
pub use self::letters::DeadLetter;
pub use self::tally::BehindStats;

use self::health::Health;
use self::set::DirtySet;
use self::tally::Tally;
use self::worker::Engine;
use crate::codec::Codec;
use crate::journal::Journal;
use crate::tiered::{Behind, WhenFull};
use crate::timer::Timer;
use hashbrown::Equivalent;
use std::sync::Arc;

/// Codecs of keys and values.
pub(crate) type Codecs<K, V> = Behind<Arc<dyn Codec<K>>, Arc<dyn Codec<V>>>;

/// The write-behind side of a cache. Dropped, it stops the workers; what is dirty stays in the
/// journal.
pub(crate) struct WriteBehind<K, V> {
    engine: Arc<Engine<K, V>>,
    /// The workers hold it only while they fly a batch, so that the files are let go of with the
    /// cache, or when the last attempt has ended: what opens them next must not be overtaken by it.
    journal: Arc<Journal>,
    keys: Arc<dyn Codec<K>>,
    values: Arc<dyn Codec<V>>,
    when_full: WhenFull,
    timer: Timer,
    recovered: Recovered,
}

/// What the journal held when the cache was built.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recovered {
    /// The highest stamp that was given before.
    pub(crate) stamp_high: u64,
    /// Changes that were dirty.
    pub(crate) dirty: u64,
    /// Files of the journal of which a part is lost.
    pub(crate) losses: u64,
}

impl<K, V> WriteBehind<K, V> {
    pub(crate) const fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// What was acknowledged for a key and is not in the store: a value, or a removal.
    pub(crate) fn unapplied<Q: Equivalent<K> + ?Sized>(
        &self,
        hash: u64,
        key: &Q,
    ) -> Option<Option<V>>
    where
        V: Clone,
    {
        self.engine.set.look(hash, key, |entry| entry.value.clone())
    }

    /// The same without the value.
    pub(crate) fn is_unapplied<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> bool {
        self.engine.set.look(hash, key, |_| ()).is_some()
    }

    pub(crate) fn stats(&self) -> BehindStats {
        BehindStats {
            recovered: self.recovered.dirty,
            journal_losses: self.recovered.losses,
            ..self.engine.tally.stats(&self.engine, self.journal.stats())
        }
    }

    /// Ends the work: nobody is acknowledged any more, who waits for room is refused, and nothing
    /// more is brought to the store.
    pub(crate) fn close(&self) -> Result<(), crate::error::JournalError> {
        self.engine.stop();
        self.engine.wait_for_release();
        self.journal.close().map_err(Into::into)
    }
}

impl<K, V> Drop for WriteBehind<K, V> {
    fn drop(&mut self) {
        self.engine.stop();
        self.engine.wait_for_release();
        // Whoever opens the store's files next is to find them free.
        self.engine.staff.dismissed();
        // What is settled is noted if that can be; else it is given back and applied again.
        let _noted = self.journal.close();
    }
}
