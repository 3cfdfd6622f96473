//! Mutations in write-through: the store first, then the memory tier.

use super::Shared;
use super::gate::Pass;
use crate::error::{FlushError, PutError, RemoveError};
use crate::life::Life;
use crate::operation::Placed;
use crate::sink::{ApplyError, Mutation};
use std::hash::Hash;
use std::sync::Arc;

/// Writes a value.
pub(super) async fn put<K, V>(
    shared: Arc<Shared<K, V>>,
    key: K,
    value: V,
    life: Life,
) -> Result<(), PutError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(_pass) = Pass::enter(&shared) else {
        return Err(PutError::Closed { value });
    };
    let core = shared.memory.core();
    let ownership = core.enqueue(core.hash(&key), &key);
    Placed::default().await;
    ownership.granted().await;
    let stamp = shared.next_stamp();
    let batch = [Mutation::put(key, value, stamp)];
    let applied = shared.store.apply(&batch).await;
    let [Mutation::Put { key, value, .. }] = batch else {
        unreachable!("the batch is one put");
    };
    match applied {
        Ok(_) => {
            let (kept, keep) = shared.keep(Some(value), life, stamp);
            ownership.show(key, kept, keep);
            shared.counters.puts.add();
            Ok(())
        }
        Err(ApplyError::Refused(source)) => {
            ownership.leave();
            shared.counters.refused.add();
            Err(PutError::Refused { value, source })
        }
        Err(ApplyError::Unknown(source)) => {
            ownership.hide();
            shared.counters.unknown.add();
            Err(PutError::Unknown { value, source })
        }
    }
}

/// Removes a key; true if the store had it.
pub(super) async fn remove<K, V>(shared: Arc<Shared<K, V>>, key: K) -> Result<bool, RemoveError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(_pass) = Pass::enter(&shared) else {
        return Err(RemoveError::Closed);
    };
    let core = shared.memory.core();
    let ownership = core.enqueue(core.hash(&key), &key);
    Placed::default().await;
    ownership.granted().await;
    let batch = [Mutation::remove(key, shared.next_stamp())];
    match shared.store.apply(&batch).await {
        Ok(applied) => {
            ownership.hide();
            shared.counters.removals.add();
            Ok(applied.existed(0))
        }
        Err(ApplyError::Refused(source)) => {
            ownership.leave();
            shared.counters.refused.add();
            Err(RemoveError::Refused(source))
        }
        Err(ApplyError::Unknown(source)) => {
            ownership.hide();
            shared.counters.unknown.add();
            Err(RemoveError::Unknown(source))
        }
    }
}

/// Makes the store durable.
pub(super) async fn flush<K, V>(shared: Arc<Shared<K, V>>) -> Result<(), FlushError>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    if shared.gate.is_closed() {
        return Err(FlushError::Closed);
    }
    shared.store.flush().await.map_err(FlushError::Store)
}

/// Lets what has begun end, then makes the store durable.
pub(super) async fn close<K, V>(shared: Arc<Shared<K, V>>) -> Result<(), FlushError>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    if !shared.gate.shut().await {
        return Err(FlushError::Closed);
    }
    shared.store.flush().await.map_err(FlushError::Store)
}
