//! Mutations: each takes its place among those of its key, then goes through or behind.

use super::Shared;
use super::behind;
use super::ended::tell_ended;
use super::gate::Pass;
use super::kept::Kept;
use super::through;
use crate::error::{PutError, RemoveError};
use crate::events::Event;
use crate::life::Life;
use crate::memory::Ownership;
use crate::observe::{Verb, Watch};
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
    let watch = Watch::start();
    let call = put_in_turn(&shared, key, value, life);
    let put = shared.observer.within("put", call).await;
    tell_ended(&shared, Verb::Put, &put, watch);
    put
}

async fn put_in_turn<K, V>(
    shared: &Arc<Shared<K, V>>,
    key: K,
    value: V,
    life: Life,
) -> Result<(), PutError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(_pass) = Pass::enter(shared) else {
        return Err(PutError::Closed { value });
    };
    let core = shared.memory.core();
    let ownership = core.enqueue(core.hash(&key), &key);
    Placed::default().await;
    if !through::granted(shared, &key, &ownership).await {
        shared.counters.busy.add();
        return Err(PutError::Busy { value });
    }
    put_owned(shared, ownership, key, value, life).await
}

/// Writes a value of a key that the caller has.
pub(super) async fn put_owned<K, V>(
    shared: &Arc<Shared<K, V>>,
    ownership: Ownership<K, Kept<V>>,
    key: K,
    value: V,
    life: Life,
) -> Result<(), PutError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let told = shared.events.is_heard().then(|| key.clone());
    if shared.behind.is_some() {
        let put = behind::put(shared, ownership, key, value, life).await;
        let unknown = matches!(put, Err(PutError::Unknown { .. }));
        tell_end(shared, told, put.is_ok(), unknown, |key| Event::Written {
            key,
        });
        return put;
    }
    let stamp = shared.next_stamp();
    let _changing = match shared.change_on_disk(&key, stamp) {
        Ok(changing) => changing,
        Err(source) => {
            ownership.leave();
            shared.counters.refused.add();
            tell_failure(shared, told, false);
            return Err(PutError::Refused { value, source });
        }
    };
    let ended = through::apply(shared, ownership, Mutation::put(key, value, stamp)).await;
    let Mutation::Put { key, value, .. } = ended.mutation else {
        unreachable!("it is a put");
    };
    let Some(ownership) = ended.ownership else {
        shared.counters.unknown.add();
        tell_failure(shared, told, true);
        let source = through::error(ended.outcome);
        return Err(PutError::Unknown { value, source });
    };
    match ended.outcome {
        Ok(_) => {
            let (kept, keep) = shared.keep(Some(value), life, stamp);
            ownership.show(key, kept, keep);
            shared.counters.puts.add();
            tell(shared, told, |key| Event::Written { key });
            Ok(())
        }
        Err(ApplyError::Refused(source)) => {
            ownership.leave();
            shared.counters.refused.add();
            tell_failure(shared, told, false);
            Err(PutError::Refused { value, source })
        }
        Err(ApplyError::Unknown(source)) => {
            ownership.hide();
            shared.counters.unknown.add();
            tell_failure(shared, told, true);
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
    let watch = Watch::start();
    let call = remove_in_turn(&shared, key);
    let removed = shared.observer.within("remove", call).await;
    tell_ended(&shared, Verb::Remove, &removed, watch);
    removed
}

async fn remove_in_turn<K, V>(shared: &Arc<Shared<K, V>>, key: K) -> Result<bool, RemoveError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let Some(_pass) = Pass::enter(shared) else {
        return Err(RemoveError::Closed);
    };
    let core = shared.memory.core();
    let ownership = core.enqueue(core.hash(&key), &key);
    Placed::default().await;
    if !through::granted(shared, &key, &ownership).await {
        shared.counters.busy.add();
        return Err(RemoveError::Busy);
    }
    remove_owned(shared, ownership, key).await
}

/// Removes a key that the caller has; true if the store had it.
pub(super) async fn remove_owned<K, V>(
    shared: &Arc<Shared<K, V>>,
    ownership: Ownership<K, Kept<V>>,
    key: K,
) -> Result<bool, RemoveError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let told = shared.events.is_heard().then(|| key.clone());
    if shared.behind.is_some() {
        let removed = behind::remove(shared, ownership, key).await;
        let unknown = matches!(removed, Err(RemoveError::Unknown(_)));
        tell_end(shared, told, removed.is_ok(), unknown, |key| {
            Event::Removed { key }
        });
        return removed;
    }
    let stamp = shared.next_stamp();
    let _changing = match shared.change_on_disk(&key, stamp) {
        Ok(changing) => changing,
        Err(source) => {
            ownership.leave();
            shared.counters.refused.add();
            tell_failure(shared, told, false);
            return Err(RemoveError::Refused(source));
        }
    };
    let mutation = Mutation::remove(key, stamp);
    let ended = through::apply(shared, ownership, mutation).await;
    let Some(ownership) = ended.ownership else {
        shared.counters.unknown.add();
        tell_failure(shared, told, true);
        return Err(RemoveError::Unknown(through::error(ended.outcome)));
    };
    match ended.outcome {
        Ok(applied) => {
            ownership.hide();
            shared.counters.removals.add();
            tell(shared, told, |key| Event::Removed { key });
            Ok(applied.existed(0))
        }
        Err(ApplyError::Refused(source)) => {
            ownership.leave();
            shared.counters.refused.add();
            tell_failure(shared, told, false);
            Err(RemoveError::Refused(source))
        }
        Err(ApplyError::Unknown(source)) => {
            ownership.hide();
            shared.counters.unknown.add();
            tell_failure(shared, told, true);
            Err(RemoveError::Unknown(source))
        }
    }
}

/// Tells of a mutation, if anybody listened when it began.
fn tell<K: Clone, V>(shared: &Shared<K, V>, key: Option<K>, event: impl FnOnce(K) -> Event<K>) {
    if let Some(key) = key {
        shared.events.emit(|| event(key));
    }
}

/// Tells how a mutation ended.
fn tell_end<K: Clone, V>(
    shared: &Shared<K, V>,
    key: Option<K>,
    done: bool,
    unknown: bool,
    event: impl FnOnce(K) -> Event<K>,
) {
    if done {
        tell(shared, key, event);
    } else {
        tell_failure(shared, key, unknown);
    }
}

fn tell_failure<K: Clone, V>(shared: &Shared<K, V>, key: Option<K>, unknown: bool) {
    tell(shared, key, |key| Event::WriteFailed { key, unknown });
}
