//! Reads that the memory tier could not answer.

use super::Shared;
use super::hit::{Hit, Tier};
use crate::error::{LoadError, StoreError};
use crate::memory::{Asked, Ending, Joined, Keep, Lead, milliseconds};
use crate::source::{Life, Loaded};
use std::error::Error;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

type Answer<V> = Result<Option<Hit<V>>, LoadError>;

impl Keep {
    fn from_life(life: Life) -> Self {
        match life.time_to_live() {
            None => Self::Default,
            Some(ttl) if ttl.is_zero() => Self::No,
            Some(ttl) => Self::For(milliseconds(ttl)),
        }
    }
}

/// Reads through to the store.
pub(super) async fn through<K, V>(shared: Arc<Shared<K, V>>, hash: u64, key: K) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    match board(&shared, hash, &key, Asked::Store).await {
        Boarding::Answered(answer) => answer,
        Boarding::Leading(lead) => {
            let loaded = shared.store.load(lead.key()).await;
            land(&shared, lead, loaded.map_err(LoadError::Store), Tier::Store)
        }
    }
}

/// Reads from a loader that the caller brought.
pub(super) async fn beside<K, V, F, A, E>(
    shared: Arc<Shared<K, V>>,
    hash: u64,
    key: K,
    loader: F,
) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: FnOnce(K) -> A + Send + 'static,
    A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    match board(&shared, hash, &key, Asked::Loader).await {
        Boarding::Answered(answer) => answer,
        Boarding::Leading(lead) => {
            let loaded = loader(key).await;
            let loaded = loaded.map_err(|error| LoadError::Loader(StoreError::new(error)));
            land(&shared, lead, loaded, Tier::Loader)
        }
    }
}

/// How a miss went on: somebody had the answer, or this caller is to load.
enum Boarding<K: Hash + Eq, V: Clone> {
    Answered(Answer<V>),
    Leading(Lead<K, Option<V>>),
}

/// Takes part in a load of the key that asks the same, or becomes the one to load.
async fn board<K, V>(shared: &Shared<K, V>, hash: u64, key: &K, asked: Asked) -> Boarding<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    let tier = match asked {
        Asked::Store => Tier::Store,
        Asked::Loader => Tier::Loader,
    };
    loop {
        match shared.memory.core().join(hash, key, asked) {
            Joined::Resident(value) => {
                return Boarding::Answered(Ok(Hit::from(value, Tier::Memory)));
            }
            Joined::Leading(lead) => return Boarding::Leading(lead),
            Joined::Waiting { load, same } => {
                let ending = load.ending().await;
                // A load that asked somebody else has left its value in memory, or it has not and
                // this caller asks whom it wanted to ask. An abandoned one is led anew.
                if let (Ending::Answered(answer), true) = (ending, same) {
                    shared.counters.joined.add();
                    return Boarding::Answered(answer.map(|value| Hit::from(value, tier)));
                }
            }
        }
    }
}

/// Ends a load: memory keeps what may be kept, and everybody who joined gets the answer.
fn land<K, V>(
    shared: &Shared<K, V>,
    lead: Lead<K, Option<V>>,
    loaded: Result<Loaded<V>, LoadError>,
    tier: Tier,
) -> Answer<V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    let (answer, keep) = match loaded {
        Ok(Loaded::Value(value, life)) => (Ok(Some(value)), Keep::from_life(life)),
        Ok(Loaded::Absent(life)) => (Ok(None), Keep::from_life(life)),
        Err(error) => (Err(error), Keep::No),
    };
    shared.counters.load_ended(&answer, tier);
    if !lead.land(answer.clone(), keep) {
        shared.counters.raced.add();
    }
    answer.map(|value| Hit::from(value, tier))
}
