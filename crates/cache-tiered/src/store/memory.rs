//! `InMemory`: a store in a hash table, for tests, as a reference, and for what needs no file.

use crate::sink::{Applied, ApplyError, BlockingSink, Mutation, Sink};
use crate::source::{BlockingSource, Loaded, Source};
use foldhash::quality::RandomState;
use hashbrown::{Equivalent, HashMap};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, ready};
use std::hash::Hash;
use std::sync::Arc;

/// A store in memory, with a hard limit to its entries where one is given. A clone is another
/// handle to the same store.
///
/// A batch is applied under one lock, so it is all or nothing: one that would end beyond the limit
/// is refused as a whole. Overwrites are taken at the limit too.
///
/// ```
/// use cache_tiered::{ApplyError, BlockingSink, InMemory, InMemoryError, Mutation};
///
/// let store: InMemory<u8, u8> = InMemory::with_limit(1)?;
/// assert!(store.apply(&[Mutation::put(1, 10, 1)]).is_ok());
/// assert!(store.apply(&[Mutation::put(1, 11, 2)]).is_ok());
/// assert_eq!(
///     store.apply(&[Mutation::put(2, 20, 3)]),
///     Err(ApplyError::Refused(InMemoryError::Full { limit: 1 })),
/// );
/// assert_eq!(store.value(&1), Some(11));
/// # Ok::<(), InMemoryError>(())
/// ```
pub struct InMemory<K, V> {
    entries: Arc<RwLock<HashMap<K, V, RandomState>>>,
    limit: usize,
}

/// Why an [`InMemory`] store refuses.
///
/// ```
/// use cache_tiered::{InMemory, InMemoryError};
///
/// assert_eq!(InMemory::<u8, u8>::with_limit(0).unwrap_err(), InMemoryError::ZeroLimit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InMemoryError {
    /// Another key would be one too many.
    #[error("the store is full at its limit of {limit} entries: remove some or raise the limit")]
    Full {
        /// The most entries it takes.
        limit: usize,
    },
    /// A store that takes nothing.
    #[error("a store with a limit of 0 entries takes nothing: give it a limit of at least 1")]
    ZeroLimit,
}

impl<K, V> InMemory<K, V> {
    /// An empty store without limit.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Arc::default(),
            limit: usize::MAX,
        }
    }

    /// An empty store that takes at most `limit` entries.
    ///
    /// # Errors
    ///
    /// [`InMemoryError::ZeroLimit`] for a limit of 0.
    pub fn with_limit(limit: usize) -> Result<Self, InMemoryError> {
        if limit == 0 {
            return Err(InMemoryError::ZeroLimit);
        }
        Ok(Self {
            limit,
            ..Self::new()
        })
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.read().len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most entries it takes; `usize::MAX` without limit.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl<K: Hash + Eq, V: Clone> InMemory<K, V> {
    /// The value of a key.
    pub fn value<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
        self.entries.read().get(key).cloned()
    }

    /// All entries in the order of their keys. O(entries).
    #[must_use]
    pub fn entries(&self) -> BTreeMap<K, V>
    where
        K: Ord + Clone,
    {
        let entries = self.entries.read();
        entries
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

impl<K, V> InMemory<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    /// How many more keys there are after the batch than before it. O(batch).
    fn growth(entries: &HashMap<K, V, RandomState>, batch: &[Mutation<K, V>]) -> isize {
        // One mutation, the common case, needs no account of what the batch itself did before.
        if let [only] = batch {
            let existed = entries.contains_key(only.key());
            return isize::from(only.value().is_some()) - isize::from(existed);
        }
        let mut after: HashMap<&K, bool, RandomState> = HashMap::default();
        for mutation in batch {
            after.insert(mutation.key(), mutation.value().is_some());
        }
        let change = |(key, present): (&K, bool)| {
            isize::from(present) - isize::from(entries.contains_key(key))
        };
        after.into_iter().map(change).sum()
    }
}

impl<K, V> BlockingSource<K, V> for InMemory<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Error = InMemoryError;

    fn load(&self, key: &K) -> Result<Loaded<V>, InMemoryError> {
        Ok(self.value(key).into())
    }
}

impl<K, V> BlockingSink<K, V> for InMemory<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Error = InMemoryError;

    fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<InMemoryError>> {
        let mut entries = self.entries.write();
        let growth = Self::growth(&entries, batch);
        if growth > 0 && entries.len().saturating_add_signed(growth) > self.limit {
            return Err(ApplyError::Refused(InMemoryError::Full {
                limit: self.limit,
            }));
        }
        let existed = |mutation: &Mutation<K, V>| match mutation {
            Mutation::Put { key, value, .. } => {
                entries.insert(key.clone(), value.clone()).is_some()
            }
            Mutation::Remove { key, .. } => entries.remove(key).is_some(),
        };
        Ok(batch.iter().map(existed).collect())
    }
}

impl<K, V> Source<K, V> for InMemory<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Error = InMemoryError;

    fn load(&self, key: &K) -> impl Future<Output = Result<Loaded<V>, InMemoryError>> + Send {
        ready(BlockingSource::load(self, key))
    }
}

impl<K, V> Sink<K, V> for InMemory<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Error = InMemoryError;

    fn apply(
        &self,
        batch: &[Mutation<K, V>],
    ) -> impl Future<Output = Result<Applied, ApplyError<InMemoryError>>> + Send {
        ready(BlockingSink::apply(self, batch))
    }
}

impl<K, V> Clone for InMemory<K, V> {
    fn clone(&self) -> Self {
        Self {
            entries: Arc::clone(&self.entries),
            limit: self.limit,
        }
    }
}

impl<K, V> Default for InMemory<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for InMemory<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory")
            .field("len", &self.len())
            .field("limit", &self.limit)
            .finish()
    }
}
