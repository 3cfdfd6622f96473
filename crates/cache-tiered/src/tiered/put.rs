//! Writes of one key.

use super::{Tiered, write};
use crate::error::{PutError, RemoveError};
use crate::life::Life;
use crate::operation::Operation;
use std::hash::Hash;
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Writes a value: to the store, then to memory. When this has returned, both have it; in
    /// write-behind the journal has it in place of the store.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the value and what the store said; see the promises G3 and G4.
    pub fn put(&self, key: K, value: V) -> Operation<Result<(), PutError<V>>> {
        self.put_with(key, value, Life::DEFAULT)
    }

    /// [`put`](Self::put) with a life of its own and tags. They are those of the copy in the tiers:
    /// the store is not told of them, and what is loaded later has those that its source says.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn put_with(&self, key: K, value: V, life: Life) -> Operation<Result<(), PutError<V>>> {
        if self.shared.store.is_read_only() {
            return Operation::ready(Err(PutError::ReadOnly { value }));
        }
        Operation::placed(
            &self.shared.pool,
            write::put(Arc::clone(&self.shared), key, value, life),
        )
    }

    /// Removes a key from the store, then from memory. True if it was there. In write-behind the
    /// journal has the removal in place of the store, which is asked for the key only if nothing
    /// else knows of it.
    ///
    /// # Errors
    ///
    /// [`RemoveError`] with what the store said; see the promise G3.
    pub fn remove(&self, key: &K) -> Operation<Result<bool, RemoveError>> {
        if self.shared.store.is_read_only() {
            return Operation::ready(Err(RemoveError::ReadOnly));
        }
        Operation::placed(
            &self.shared.pool,
            write::remove(Arc::clone(&self.shared), key.clone()),
        )
    }
}
