//! Mutations in write-behind: the journal first, then the dirty set and memory.

use super::Shared;
use super::kept::Kept;
use super::read;
use crate::behind::{DeadLetter, Refusal};
use crate::error::{JournalError, PutError, RemoveError, StoreError};
use crate::life::Life;
use crate::memory::Ownership;
use crate::operation::Placed;
use std::hash::Hash;
use std::sync::Arc;

/// Acknowledges a value of a key that the caller has.
pub(super) async fn put<K, V>(
    shared: &Shared<K, V>,
    ownership: Ownership<K, Kept<V>>,
    key: K,
    value: V,
    life: Life,
) -> Result<(), PutError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let behind = shared.behind.as_ref().expect("the cache writes behind");
    let hash = shared.memory.core().hash(&key);
    let stamp = shared.next_stamp();
    let _changing = match shared.change_on_disk(&key, stamp) {
        Ok(changing) => changing,
        Err(source) => {
            ownership.leave();
            shared.counters.refused.add();
            return Err(PutError::Refused { value, source });
        }
    };
    let admitted = behind.admit(hash, key.clone(), Some(value.clone()), stamp);
    match admitted.await {
        Ok(()) => {
            let (kept, keep) = shared.keep(Some(value), life, stamp);
            ownership.show(key, kept, keep);
            shared.counters.puts.add();
            Ok(())
        }
        Err(refusal) => {
            end_refused(shared, ownership, &refusal);
            Err(refusal.of_put(value))
        }
    }
}

/// Acknowledges the removal of a key that the caller has; true if it was there.
pub(super) async fn remove<K, V>(
    shared: &Arc<Shared<K, V>>,
    ownership: Ownership<K, Kept<V>>,
    key: K,
) -> Result<bool, RemoveError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let behind = shared.behind.as_ref().expect("the cache writes behind");
    let hash = shared.memory.core().hash(&key);
    // Nobody else changes the key meanwhile, so the answer is still true when it is removed.
    let existed = match behind.unapplied(hash, &key) {
        Some(value) => value.is_some(),
        None => match read::current(Arc::clone(shared), hash, key.clone()).await {
            Ok(hit) => hit.is_some(),
            Err(error) => {
                ownership.leave();
                return Err(RemoveError::Existence(error));
            }
        },
    };
    let stamp = shared.next_stamp();
    let _changing = match shared.change_on_disk(&key, stamp) {
        Ok(changing) => changing,
        Err(source) => {
            ownership.leave();
            shared.counters.refused.add();
            return Err(RemoveError::Refused(source));
        }
    };
    match behind.admit(hash, key, None, stamp).await {
        Ok(()) => {
            ownership.hide();
            shared.counters.removals.add();
            Ok(existed)
        }
        Err(refusal) => {
            end_refused(shared, ownership, &refusal);
            Err(refusal.of_removal())
        }
    }
}

/// Ends a mutation that was not acknowledged.
fn end_refused<K, V>(shared: &Shared<K, V>, ownership: Ownership<K, Kept<V>>, refusal: &Refusal)
where
    K: Hash + Eq,
{
    if matches!(refusal, Refusal::Unknown(_)) {
        ownership.hide();
        shared.counters.unknown.add();
    } else {
        ownership.leave();
        shared.counters.refused.add();
    }
}

impl Refusal {
    fn of_put<V>(self, value: V) -> PutError<V> {
        match self {
            Self::Closed => PutError::Closed { value },
            Self::Backpressure => PutError::Backpressure { value },
            Self::Codec(source) => PutError::Codec { value, source },
            Self::Journal(source) => PutError::Journal { value, source },
            Self::Unknown(source) => PutError::Unknown {
                value,
                source: StoreError::new(source),
            },
        }
    }

    fn of_removal(self) -> RemoveError {
        match self {
            Self::Closed => RemoveError::Closed,
            Self::Backpressure => RemoveError::Backpressure,
            Self::Codec(source) => RemoveError::Codec(source),
            Self::Journal(source) => RemoveError::Journal(source),
            Self::Unknown(source) => RemoveError::Unknown(StoreError::new(source)),
        }
    }
}

/// Lets a dead letter be tried again; false if the key has none.
pub(super) async fn redrive<K, V>(shared: Arc<Shared<K, V>>, key: K) -> Result<bool, JournalError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    match &shared.behind {
        None => Ok(false),
        Some(behind) => behind.redrive(shared.memory.core().hash(&key), &key).await,
    }
}

/// Lets go of a dead letter, so that the store's value is the key's again.
pub(super) async fn discard<K, V>(
    shared: Arc<Shared<K, V>>,
    key: K,
) -> Result<Option<DeadLetter<K, V>>, JournalError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(behind) = &shared.behind else {
        return Ok(None);
    };
    let core = shared.memory.core();
    let hash = core.hash(&key);
    let ownership = core.enqueue(hash, &key);
    Placed::default().await;
    ownership.granted().await;
    let letter = behind.discard(hash, &key);
    if letter.is_none() {
        ownership.leave();
        return Ok(None);
    }
    // Should the disk tier be unable to note it, it answers nothing any more, and the letter is gone already.
    let changing = shared.change_on_disk(&key, shared.next_stamp());
    let noted = behind.noted().await;
    ownership.hide();
    drop(changing);
    noted.map(|()| letter)
}
