//! Dead letters: what was acknowledged and the store refuses for good.

use super::{Tiered, behind};
use crate::behind::{DeadLetter, WriteBehind};
use crate::error::JournalError;
use crate::operation::Operation;
use std::hash::Hash;
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Changes that were acknowledged and that the store refused for good, the oldest first; none
    /// in write-through. O(dirty keys).
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter<K, V>> {
        let behind = self.shared.behind.as_ref();
        behind.map_or_else(Vec::new, WriteBehind::dead_letters)
    }

    /// Lets the dead letter of a key be tried again, from the beginning. False if it has none.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal could not note it; the letter is as it was.
    pub fn redrive(&self, key: &K) -> Operation<Result<bool, JournalError>> {
        let call = behind::redrive(Arc::clone(&self.shared), key.clone());
        Operation::cold(&self.shared.pool, call)
    }

    /// Lets go of the dead letter of a key, and gives it back; none if the key has none. From then
    /// on the key has the value that the store has, which is an older one.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal could not note it: the letter is gone from this cache, and
    /// may be back when the journal is opened again.
    pub fn discard(&self, key: &K) -> Operation<Result<Option<DeadLetter<K, V>>, JournalError>> {
        let call = behind::discard(Arc::clone(&self.shared), key.clone());
        Operation::placed(&self.shared.pool, call)
    }
}
