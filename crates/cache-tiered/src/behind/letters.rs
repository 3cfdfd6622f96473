//! Dead letters: changes that the store refused for good.

use super::WriteBehind;
use super::admit::written;
use super::entry::State;
use crate::error::JournalError;
use crate::journal::AppendError;
use hashbrown::Equivalent;
use std::fmt;
use std::sync::Arc;

/// A change that was acknowledged and that the store refused until its attempts were used up. It is
/// still read through the cache, and is in the journal, until it is [driven
/// again](crate::Tiered::redrive), [discarded](crate::Tiered::discard), or replaced by a later
/// change of its key. From [`Tiered::dead_letters`](crate::Tiered::dead_letters).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered, Writes};
///
/// let directory = tempfile::tempdir()?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(100))
///     .store(InMemory::new())
///     .writes(Writes::behind(directory.path().join("journal")))
///     .build()?;
/// for letter in cache.dead_letters() {
///     eprintln!("{}: {:?} was refused: {}", letter.key, letter.value, letter.reason);
///     cache.redrive(&letter.key).wait()?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter<K, V> {
    /// Whose change it is.
    pub key: K,
    /// The value that was put; none for a removal.
    pub value: Option<V>,
    /// The place of the change in the order of all.
    pub stamp: u64,
    /// What the store said last, with its causes.
    pub reason: Arc<str>,
}

// By hand, so that K and V need no Debug: they may be large or secret.
impl<K, V> fmt::Debug for DeadLetter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("stamp", &self.stamp)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<K, V> WriteBehind<K, V>
where
    K: Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// All dead letters, the oldest first. O(dirty keys).
    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter<K, V>> {
        let mut letters = self.engine.set.collect(|entry| match &entry.state {
            State::Dead(reason) => Some(DeadLetter {
                key: entry.key.clone(),
                value: entry.value.clone(),
                stamp: entry.stamp,
                reason: Arc::clone(reason),
            }),
            State::Waiting | State::Flying(_) => None,
        });
        letters.sort_unstable_by_key(|letter| letter.stamp);
        letters
    }

    fn dead_sequence<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<u64> {
        let sequence = self.engine.set.look(hash, key, |entry| match entry.state {
            State::Dead(_) => Some(entry.sequence),
            State::Waiting | State::Flying(_) => None,
        });
        sequence.flatten()
    }

    /// Lets a dead letter be tried again, at once; false if the key has none.
    pub(crate) async fn redrive(&self, hash: u64, key: &K) -> Result<bool, JournalError> {
        let Some(sequence) = self.dead_sequence(hash, key) else {
            return Ok(false);
        };
        match written(self.journal.revive(sequence)).await {
            Ok(_) => {}
            // Replaced meanwhile.
            Err(AppendError::NoSuchRecord { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let now = self.engine.alarm.now();
        let revived = self.engine.set.revive(hash, key, sequence, now);
        self.engine.call();
        Ok(revived)
    }

    /// Takes out a dead letter; none if the key has none. The caller has the right to the key.
    pub(crate) fn discard(&self, hash: u64, key: &K) -> Option<DeadLetter<K, V>> {
        let entry = self.engine.set.discard(hash, key)?;
        self.journal.settle(&[entry.sequence]);
        let State::Dead(reason) = entry.state else {
            unreachable!("only dead letters are discarded");
        };
        Some(DeadLetter {
            key: entry.key,
            value: entry.value,
            stamp: entry.stamp,
            reason,
        })
    }

    /// Makes it durable that letters were taken out.
    pub(crate) async fn noted(&self) -> Result<(), JournalError> {
        let noted = written(self.journal.flush()).await;
        self.engine.settled.notify(usize::MAX);
        Ok(noted.map(drop)?)
    }
}
