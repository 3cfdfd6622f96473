//! `Tiered`: memory over a store, written through.

mod builder;
mod gate;
mod hit;
mod read;
mod stats;
mod store;
mod write;

pub use self::builder::{MemoryTier, TieredBuilder, Writes};
pub use self::hit::{Explanation, Hit, Tier};
pub use self::stats::TieredStats;
pub use self::store::StoreRef;

use self::gate::Gate;
use self::stats::Counters;
use crate::error::{FlushError, LoadError, PutError, RemoveError};
use crate::executor::Pool;
use crate::memory::MemoryCache;
use crate::operation::Operation;
use crate::source::Loaded;
use crate::store::erased::ErasedStore;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A cache in tiers over a store. A clone is another handle to the same cache.
///
/// Reads go through: what no tier holds is loaded from the store and kept. Writes go through: the
/// store has them first, then the memory tier. Every call returns an [`Operation`], to be waited
/// for by a thread or awaited on any runtime; a memory hit is complete when the call returns and
/// allocates nothing.
///
/// # What is promised
///
/// **G1, one process, per key.** Once a put, remove or invalidate has returned, every get that
/// starts later sees that state or a later one, or asks the store; never an older one, across
/// evictions and loads that are under way. A load that raced with a write answers those who asked
/// before the write was acknowledged and is not kept. Mutations of one key take effect one after
/// the other, in the order in which they began (their handles were first waited for or polled).
///
/// **G3, write-through.** The store acknowledges a value before a reader sees it in a tier. A
/// write that the store refused leaves the store and the cache as they were, and the caller has
/// the error and the value. If the store cannot tell what became of a write, the caller hears
/// exactly that, and no tier holds the key any more, so the next read asks the store.
///
/// **Single flight.** Of any number of concurrent misses of one key one asks the store; all get
/// its answer, be it a value or an error. Errors are not kept. If the one who asks panics, another
/// of those who wait asks instead.
///
/// Eviction from memory never touches the store. A call that has begun runs to its end, whether or
/// not somebody still watches ([`Operation`]).
///
/// The store is this cache's own as far as writes go: what others write to it is seen when the
/// memory tier no longer holds the key, at the latest after its time to live, or after
/// [`invalidate`](Self::invalidate).
///
/// # Costs
///
/// All calls on one key are O(1) beside what the store does. A memory hit takes the mutex of the
/// key's shard for the look-up and no other lock.
///
/// # Examples
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tier, Tiered};
///
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(10_000))
///     .store(InMemory::new())
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// let hit = cache.get(&1).wait()?.expect("it was put");
/// assert_eq!((hit.value.as_str(), hit.tier), ("one", Tier::Memory));
///
/// cache.invalidate(&1); // from memory, not from the store
/// assert_eq!(cache.get(&1).wait()?.expect("it is in the store").tier, Tier::Store);
/// assert!(cache.remove(&1).wait()?);
/// assert!(cache.get(&1).wait()?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tiered<K, V> {
    shared: Arc<Shared<K, V>>,
}

/// What all handles and all operations of a cache share.
struct Shared<K, V> {
    /// A key is resident with a value, or with none where the source said for how long there is none.
    memory: MemoryCache<K, Option<V>>,
    store: Box<dyn ErasedStore<K, V>>,
    pool: Arc<Pool>,
    gate: Gate,
    /// The last stamp given. Relaxed: each is unique by the read-modify-write alone, and the order
    /// of two mutations of one key comes from the ownership of the key.
    stamp: AtomicU64,
    counters: Counters,
}

impl<K, V> Shared<K, V> {
    fn next_stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl<K, V> Tiered<K, V> {
    /// Settings for a cache: a memory tier and a store have to be given.
    pub fn builder() -> TieredBuilder<K, V> {
        TieredBuilder::new()
    }

    /// The store, past the tiers.
    pub fn store(&self) -> StoreRef<'_, K, V> {
        StoreRef::new(&self.shared)
    }

    /// What happened so far, and what is in memory now. O(shards).
    #[must_use]
    pub fn stats(&self) -> TieredStats {
        self.shared.counters.stats(self.shared.memory.stats())
    }
}

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The value of a key: from memory, else from the store, which the memory tier then keeps.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the store failed; nothing is kept of that.
    pub fn get(&self, key: &K) -> Operation<Result<Option<Hit<V>>, LoadError>> {
        match self.lookup(key) {
            Ok(answer) => Operation::ready(answer),
            Err(hash) => {
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                Operation::cold(&self.shared.pool, read::through(shared, hash, key))
            }
        }
    }

    /// The value of a key if a tier holds it; the store is not asked.
    ///
    /// # Errors
    ///
    /// [`LoadError::Closed`].
    pub fn get_cached(&self, key: &K) -> Operation<Result<Option<Hit<V>>, LoadError>> {
        Operation::ready(self.lookup(key).unwrap_or(Ok(None)))
    }

    /// The value of a key: from memory, else from `loader` in place of the store. The memory tier
    /// keeps it as long as the loader says; the store is neither asked nor written.
    ///
    /// Concurrent misses share one loader, as those of [`get`](Self::get) share one load. The
    /// loader may block; it must not ask the cache for its own key, which would wait for itself. It runs
    /// on the waiting thread or one of the cache's, not on the runtime that awaits: what needs a runtime
    /// (a tokio timer or socket) has to be spawned there, and its handle awaited.
    ///
    /// # Errors
    ///
    /// [`LoadError::Loader`] with the loader's error, for everybody who waited; nothing is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_tiered::{InMemory, Life, Loaded, MemoryTier, Tiered};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// let square = cache.get_or_load(&12, |key| async move {
    ///     Ok::<_, Infallible>(Loaded::Value(key * key, Life::FOREVER.ttl(Duration::from_secs(1))))
    /// });
    /// assert_eq!(square.wait()?.map(|hit| hit.value), Some(144));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_load<F, A, E>(
        &self,
        key: &K,
        loader: F,
    ) -> Operation<Result<Option<Hit<V>>, LoadError>>
    where
        F: FnOnce(K) -> A + Send + 'static,
        A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        match self.lookup(key) {
            Ok(answer) => Operation::ready(answer),
            Err(hash) => {
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                Operation::cold(&self.shared.pool, read::beside(shared, hash, key, loader))
            }
        }
    }

    /// The answer of the memory tier, or else the hash of the key.
    fn lookup(&self, key: &K) -> Result<Result<Option<Hit<V>>, LoadError>, u64> {
        if self.shared.gate.is_closed() {
            return Ok(Err(LoadError::Closed));
        }
        let core = self.shared.memory.core();
        let hash = core.hash(key);
        match core.get(hash, key) {
            Some(value) => Ok(Ok(Hit::from(value, Tier::Memory))),
            None => Err(hash),
        }
    }

    /// Writes a value: to the store, then to memory. When this has returned, both have it.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the value and what the store said; see the promise G3.
    pub fn put(&self, key: K, value: V) -> Operation<Result<(), PutError<V>>> {
        Operation::placed(
            &self.shared.pool,
            write::put(Arc::clone(&self.shared), key, value),
        )
    }

    /// Removes a key from the store, then from memory. True if the store had it.
    ///
    /// # Errors
    ///
    /// [`RemoveError`] with what the store said; see the promise G3.
    pub fn remove(&self, key: &K) -> Operation<Result<bool, RemoveError>> {
        Operation::placed(
            &self.shared.pool,
            write::remove(Arc::clone(&self.shared), key.clone()),
        )
    }

    /// Drops a key from all tiers, not from the store: the next get asks the store. True if a tier
    /// held it. Neither a load nor a put that is under way brings it back.
    pub fn invalidate(&self, key: &K) -> bool {
        let core = self.shared.memory.core();
        core.remove(core.hash(key), key).is_some()
    }

    /// Drops all keys from all tiers. O(entries).
    pub fn invalidate_all(&self) {
        self.shared.memory.clear();
    }

    /// Where a key is and what is under way for it, at this instant.
    #[must_use]
    pub fn explain(&self, key: &K) -> Explanation {
        let core = self.shared.memory.core();
        let (in_memory, loading, mutating) = core.explain(core.hash(key), key);
        Explanation {
            in_memory,
            loading,
            mutating,
        }
    }

    /// Makes everything that was acknowledged as durable as the store can.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store failed or the cache is closed.
    pub fn flush(&self) -> Operation<Result<(), FlushError>> {
        Operation::cold(&self.shared.pool, write::flush(Arc::clone(&self.shared)))
    }

    /// Closes the cache for all handles: lets the mutations end that have begun, then flushes the
    /// store. Later calls are answered with `Closed`. The store itself, and with it a file that it
    /// has open, is let go of when the last handle is dropped.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store could not be flushed, or the cache was closed before.
    pub fn close(&self) -> Operation<Result<(), FlushError>> {
        Operation::cold(&self.shared.pool, write::close(Arc::clone(&self.shared)))
    }
}

impl<K, V> Clone for Tiered<K, V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K, V> fmt::Debug for Tiered<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiered")
            .field("memory", &self.shared.memory)
            .field("closed", &self.shared.gate.is_closed())
            .finish_non_exhaustive()
    }
}
