//! Reads of many keys: one look at the tiers, then one question to the store for all that is missing.

use super::hit::{Hit, Tier};
use super::kept::Kept;
use super::read::{self, Answer, Below, Leading, Seen, Waited};
use super::{Shared, Tiered};
use crate::error::{LoadError, StoreError};
use crate::memory::{Asked, Joined, Lead};
use crate::operation::Operation;
use crate::source::Loaded;
use hashbrown::HashTable;
use std::hash::Hash;
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The values of many keys, in their order: from memory, else from the store, which is asked
    /// once for all that is missing and that nobody loads just then
    /// ([`Source::load_many`](crate::Source::load_many)). A key that is asked for twice is loaded
    /// once. O(keys) beside what the store does.
    ///
    /// Each answer stands for itself: of several keys one may fail and the others not. To fail
    /// with the first, collect them into a `Result`.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for each key whose load failed: for all of one question to the store, if that
    /// failed.
    ///
    /// ```
    /// use cache_tiered::{InMemory, MemoryTier, Tiered};
    ///
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// cache.put(1, 10).wait()?;
    /// let hits = cache.get_many(&[1, 2, 1]).wait().into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let values: Vec<_> = hits.into_iter().map(|hit| hit.map(|hit| hit.value)).collect();
    /// assert_eq!(values, [Some(10), None, Some(10)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many(&self, keys: &[K]) -> Operation<Vec<Result<Option<Hit<V>>, LoadError>>> {
        let mut places = Vec::with_capacity(keys.len());
        let mut missing = Distinct::new();
        for key in keys {
            let (hash, seen) = match self.look(key, true) {
                Ok(looked) => looked,
                Err(closed) => {
                    let answers = keys.iter().map(|_| Err(closed.clone())).collect();
                    return Operation::ready(answers);
                }
            };
            places.push(match seen {
                Seen::Answer(hit) => Place::Answered(hit),
                Seen::Due(hit, duty) => {
                    self.attend(hash, key, duty);
                    Place::Answered(hit)
                }
                Seen::Nothing => {
                    self.missed(key);
                    Place::Missing(missing.place(hash, key, || key.clone()))
                }
            });
        }
        let missing = missing.into_keys();
        if missing.is_empty() {
            return Operation::ready(arrange(places, &[]));
        }
        let shared = Arc::clone(&self.shared);
        Operation::cold(&self.shared.pool, async move {
            arrange(places, &through(shared, missing).await)
        })
    }
}

/// A source that answered for another number of keys than it was asked for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the source answered for {answers} of {keys} keys: its `load_many` has to answer for each, in their order"
)]
struct Miscounted {
    keys: usize,
    answers: usize,
}

/// Keys without repetition, each with its hash, in the order in which they first came.
pub(super) struct Distinct<K> {
    keys: Vec<(u64, K)>,
    places: HashTable<usize>,
}

impl<K: Eq> Distinct<K> {
    pub(super) const fn new() -> Self {
        Self {
            keys: Vec::new(),
            places: HashTable::new(),
        }
    }

    /// The place of a key, which `own` makes if it is new.
    pub(super) fn place(&mut self, hash: u64, key: &K, own: impl FnOnce() -> K) -> usize {
        let keys = &self.keys;
        if let Some(&place) = self.places.find(hash, |&place| keys[place].1 == *key) {
            return place;
        }
        let place = self.keys.len();
        self.keys.push((hash, own()));
        let keys = &self.keys;
        self.places
            .insert_unique(hash, place, |&place| keys[place].0);
        place
    }

    pub(super) fn into_keys(self) -> Vec<(u64, K)> {
        self.keys
    }
}

/// Asks the store for several keys.
async fn ask<K, V>(shared: &Shared<K, V>, keys: &[K]) -> Result<Vec<Loaded<V>>, LoadError>
where
    K: Hash + Eq + 'static,
    V: Clone + 'static,
{
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if let [only] = keys {
        return read::ask(shared, only).await.map(|loaded| vec![loaded]);
    }
    let load = shared.store.load_many(keys);
    let loaded = shared.observer.asking("load_many", keys.len(), load).await;
    let loaded = loaded.map_err(LoadError::Store)?;
    if loaded.len() == keys.len() {
        return Ok(loaded);
    }
    let miscounted = Miscounted {
        keys: keys.len(),
        answers: loaded.len(),
    };
    Err(LoadError::Store(StoreError::new(miscounted)))
}

/// Ends loads of several keys by one question to the store; their answers in their order.
pub(super) async fn lead<K, V>(
    shared: &Shared<K, V>,
    leads: Vec<(u64, Lead<K, Kept<V>>)>,
    prefetches: bool,
    promotes: bool,
) -> Vec<Answer<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if leads.is_empty() {
        return Vec::new();
    }
    let stamp = shared.next_stamp();
    let below = |(hash, lead): &(u64, Lead<K, Kept<V>>)| {
        shared.below_memory((*hash, lead.key()), stamp, promotes)
    };
    let below: Vec<Option<Below<V>>> = leads.iter().map(below).collect();
    let unknown = leads
        .iter()
        .zip(&below)
        .filter(|(_, below)| below.is_none());
    let keys: Vec<K> = unknown.map(|((_, lead), _)| lead.key().clone()).collect();
    let loaded = ask(shared, &keys).await;
    let mut each = match loaded {
        Ok(loaded) => loaded.into_iter().map(Ok).collect(),
        Err(error) => keys.iter().map(|_| Err(error.clone())).collect::<Vec<_>>(),
    }
    .into_iter();
    leads
        .into_iter()
        .zip(below)
        .map(|((hash, lead), below)| {
            if let Some(below) = below {
                return below.land(shared, lead, hash, prefetches);
            }
            let leading = Leading {
                lead,
                hash,
                stamp,
                tier: Tier::Store,
                background: prefetches,
                prefetches,
                installs: true,
            };
            leading.land(shared, each.next().expect("an answer for each key"))
        })
        .collect()
}

/// Reads keys, each but once, through to the store. What others load is not asked for again.
async fn through<K, V>(shared: Arc<Shared<K, V>>, keys: Vec<(u64, K)>) -> Vec<Answer<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let started = shared.last_stamp();
    let core = shared.memory.core();
    let mut answers: Vec<Option<Answer<V>>> = keys.iter().map(|_| None).collect();
    let (mut leads, mut places, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (hash, key)) in keys.iter().enumerate() {
        let serves = |kept: &Kept<V>| shared.serves(kept);
        match core.join_unless(*hash, key, Asked::Store, serves) {
            Joined::Resident(kept) => answers[place] = shared.see(&kept, false).answer().map(Ok),
            Joined::Leading(lead) => {
                leads.push((*hash, lead));
                places.push(place);
            }
            Joined::Waiting { load, same } => waits.push((place, load, same)),
        }
    }
    // First what others may wait for, then what this waits for: so no two wait for each other.
    for (place, answer) in places
        .into_iter()
        .zip(lead(&shared, leads, false, false).await)
    {
        answers[place] = Some(answer);
    }
    for (place, load, same) in waits {
        let (hash, key) = &keys[place];
        let ending = load.ending().await;
        if let Waited::Answered(answer) =
            read::waited(&shared, *hash, key, ending, same, started, Tier::Store)
        {
            answers[place] = Some(answer);
        }
    }
    let mut all = Vec::with_capacity(keys.len());
    for (answer, (hash, key)) in answers.into_iter().zip(keys) {
        all.push(match answer {
            Some(answer) => answer,
            // The load that was waited for was abandoned, or asked somebody else.
            None => read::through(Arc::clone(&shared), hash, key).await,
        });
    }
    all
}

/// Where the answer for one of the keys of a call is to be found.
enum Place<V> {
    Answered(Option<Hit<V>>),
    /// Among the missing ones.
    Missing(usize),
}

/// The answers in the order of the keys asked for, repetitions included.
fn arrange<V: Clone>(places: Vec<Place<V>>, loaded: &[Answer<V>]) -> Vec<Answer<V>> {
    let arranged = places.into_iter().map(|place| match place {
        Place::Answered(hit) => Ok(hit),
        Place::Missing(place) => loaded[place].clone(),
    });
    arranged.collect()
}
