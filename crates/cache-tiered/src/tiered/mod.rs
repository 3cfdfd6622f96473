//! `Tiered`: memory over a store, written through or behind.

mod behind;
mod builder;
mod close;
mod compute;
mod ended;
mod floors;
mod gate;
mod hit;
mod hot_keys;
mod kept;
mod limits;
mod many;
mod memory_tier;
mod read;
mod refresh;
mod stats;
mod store;
mod through;
mod warm;
mod write;
mod writes;

pub use self::builder::TieredBuilder;
pub use self::close::{CloseReport, FlushReport};
pub use self::compute::ComputeError;
pub use self::hit::{Explanation, Hit, Standing, Tier};
pub use self::memory_tier::MemoryTier;
pub use self::stats::TieredStats;
pub use self::store::StoreRef;
pub use self::warm::WarmReport;
pub(crate) use self::writes::WriteBehindSettings;
pub use self::writes::{Behind, Through, WhenFull, Writes};

use self::floors::Floors;
use self::gate::Gate;
use self::kept::{Kept, Terms};
use self::read::Seen;
use self::refresh::Background;
use self::stats::Counters;
use self::through::ThroughPath;
use self::warm::Prefetches;
use crate::behind::{BehindStats, DeadLetter, WriteBehind};
use crate::error::{FlushError, JournalError, LoadError, PutError, RemoveError};
use crate::events::{Broadcast, Event, Events};
use crate::executor::Pool;
use crate::life::Life;
use crate::memory::{Asked, Clock, Keep, MemoryCache};
use crate::observe::Observer;
use crate::operation::Operation;
use crate::source::Loaded;
use crate::store::erased::ErasedStore;
use crate::tag::Tag;
use crate::timer::Timer;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A cache in tiers over a store. A clone is another handle to the same cache.
///
/// Reads go through: what no tier holds is loaded from the store and kept. Writes go through, the
/// store has them first, then the memory tier; or [behind](crate::Writes::behind), a journal has them
/// first, and the store later. Every call returns an [`Operation`], to be waited
/// for by a thread or awaited on any runtime; a memory hit is complete when the call returns and
/// allocates nothing.
///
/// # What is promised
///
/// **G1, one process, per key.** Once a put, remove or invalidate has returned, every get that
/// starts later sees that state or a later one, or asks the store; never an older one, across
/// evictions and loads that are under way, in the background too. The same goes for all that an
/// [`invalidate_tag`](Self::invalidate_tag) or [`invalidate_all`](Self::invalidate_all) is about:
/// a value may be answered past its time to live ([`Hit::stale`]), but not past an invalidation. A load that raced with a write answers those who asked
/// before the write was acknowledged and is not kept. Mutations of one key take effect one after
/// the other, in the order in which they began (their handles were first waited for or polled).
///
/// **G3, write-through.** The store acknowledges a value before a reader sees it in a tier. A
/// write that the store refused leaves the store and the cache as they were, and the caller has
/// the error and the value. If the store cannot tell what became of a write, the caller hears
/// exactly that, and no tier holds the key any more, so the next read asks the store.
///
/// **G4, write-behind.** A write is acknowledged when the journal has it, at the durability asked
/// for: it survives the death of the process, or the loss of power. From then on it is read, also
/// when memory has let go of it, and also after a crash, by the next cache that is built on the
/// journal. The store gets the changes of a key in their order, each at least once, with a stamp that
/// grows also across restarts; one that a later one replaced in time it does not get. What the
/// store refuses until its attempts are used up is a [dead letter](Self::dead_letters): still read,
/// and kept until it is driven again, discarded or replaced. While the store takes nothing at all no
/// attempts are used up. When too much is dirty, or the journal is full, a write waits or is told so.
/// The memory tier is not written before the journal: a write that was refused left no trace.
///
/// Dropped without a [`close`](Self::close), the cache leaves what is dirty in the journal, and the
/// journal locked until a call of the store that is under way has ended.
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
/// All calls on one key are O(1) beside what the store does. A memory hit takes no lock, and reads
/// no clock unless its entry has a limited life.
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
    memory: MemoryCache<K, Kept<V>>,
    terms: Terms,
    /// The clock of the memory tier.
    clock: Arc<dyn Clock>,
    floors: Floors,
    background: Background,
    prefetches: Prefetches<K>,
    store: Arc<dyn ErasedStore<K, V>>,
    /// In write-behind.
    behind: Option<WriteBehind<K, V>>,
    through: ThroughPath<K>,
    timer: Timer,
    pool: Arc<Pool>,
    gate: Gate,
    /// The last stamp given. AcqRel: who takes a larger stamp sees what was done before a smaller
    /// one was taken, so a load that is not older than an invalidation reads what that was told of.
    stamp: AtomicU64,
    counters: Counters,
    events: Arc<Broadcast<K>>,
    observer: Observer,
}

impl<K, V> Shared<K, V> {
    fn next_stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The largest stamp given so far.
    fn last_stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// What was acknowledged for a key and is not in the store yet: a value or an absence. Who is
    /// about to ask the store asks here first, after it has joined the load of the key.
    fn unapplied(&self, hash: u64, key: &K) -> Option<Option<V>>
    where
        K: Eq,
        V: Clone,
    {
        self.behind.as_ref()?.unapplied(hash, key)
    }

    /// What memory is to keep of an answer or a value written, and how long.
    fn keep(&self, value: Option<V>, life: Life, stamp: u64) -> (Kept<V>, Keep) {
        Kept::new(&self.terms, value, life, stamp, || self.clock.now())
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

    /// What happens from now on, for whoever wants to watch. While nobody does, it costs nothing but a
    /// look at a counter where something happens; while somebody does, what leaves memory is copied.
    /// A memory hit is no event, unless its value is stale.
    #[must_use]
    pub fn events(&self) -> Events<K> {
        self.shared.events.listen()
    }

    /// What happened so far, and what is in memory now. O(shards).
    #[must_use]
    pub fn stats(&self) -> TieredStats {
        let behind = self.shared.behind.as_ref();
        TieredStats {
            behind: behind.map_or_else(BehindStats::default, WriteBehind::stats),
            ..self.shared.counters.stats(self.shared.memory.stats())
        }
    }

    /// Tells the recorder of the crate metrics what the [statistics](Self::stats) count: counters
    /// get what was added since the last call, gauges what is there now. `docs/metrics.md` lists them.
    ///
    /// Loads, writes, batches, waits and syncs are told as they end. What happens more often or under a
    /// lock, hits and evictions above all, is only counted, and told of by this call: so a hit costs
    /// what it does without metrics. Call it before each time that the metrics are read, or every few
    /// seconds. The recorder is the one that was installed when the cache was built. O(shards).
    ///
    /// ```
    /// # use cache_tiered::{InMemory, MemoryTier, Tiered};
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .name("squares")
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// cache.get(&1).wait()?;
    /// cache.publish_metrics(); // and here render what the recorder has
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.shared.observer.publish(&self.stats());
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
        let (hash, seen) = match self.look(key, true) {
            Ok(looked) => looked,
            Err(closed) => return Operation::ready(Err(closed)),
        };
        match seen {
            Seen::Answer(hit) => Operation::ready(Ok(hit)),
            Seen::Due(hit, stamp) => {
                self.refresh(hash, key, stamp);
                Operation::ready(Ok(hit))
            }
            Seen::Nothing => {
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                Operation::cold(&self.shared.pool, read::through(shared, hash, key))
            }
        }
    }

    #[cold]
    fn refresh(&self, hash: u64, key: &K, stamp: u64) {
        let load = |shared: Arc<Shared<K, V>>, key| async move { read::ask(&shared, &key).await };
        refresh::refresh(&self.shared, hash, key, stamp, Asked::Store, load);
    }

    /// The value of a key if a tier holds it; the store is not asked.
    ///
    /// # Errors
    ///
    /// [`LoadError::Closed`].
    pub fn get_cached(&self, key: &K) -> Operation<Result<Option<Hit<V>>, LoadError>> {
        let seen = self.look(key, false);
        Operation::ready(seen.map(|(hash, seen)| {
            let answer = seen.answer();
            answer.unwrap_or_else(|| Hit::fresh(self.shared.unapplied(hash, key)?, Tier::Dirty))
        }))
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
        let (hash, seen) = match self.look(key, true) {
            Ok(looked) => looked,
            Err(closed) => return Operation::ready(Err(closed)),
        };
        match seen {
            Seen::Answer(hit) => Operation::ready(Ok(hit)),
            Seen::Due(hit, stamp) => {
                let load = |_, key| read::from_loader(loader, key);
                refresh::refresh(&self.shared, hash, key, stamp, Asked::Loader, load);
                Operation::ready(Ok(hit))
            }
            Seen::Nothing => {
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                Operation::cold(&self.shared.pool, read::beside(shared, hash, key, loader))
            }
        }
    }

    /// What the memory tier has for a key, and the hash of the key.
    #[inline]
    fn look(&self, key: &K, claims: bool) -> Result<(u64, Seen<V>), LoadError> {
        if self.shared.gate.is_closed() {
            return Err(LoadError::Closed);
        }
        let core = self.shared.memory.core();
        let hash = core.hash(key);
        let seen = core.read(hash, key, |kept| self.shared.see(kept, claims));
        let seen = seen.unwrap_or(Seen::Nothing);
        if seen.is_stale() {
            let event = || Event::StaleServed { key: key.clone() };
            self.shared.events.emit(event);
        }
        Ok((hash, seen))
    }

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

    /// Drops a key from all tiers, not from the store: the next get asks the store. True if a tier
    /// held it. Neither a load nor a put that is under way brings it back.
    pub fn invalidate(&self, key: &K) -> bool {
        let core = self.shared.memory.core();
        core.remove(core.hash(key), key).is_some()
    }

    /// Drops all keys from all tiers. Once it has returned, no get answers with what was loaded or
    /// written before; loads that began before are not kept. O(entries); readers see no entry any
    /// more from its beginning on.
    pub fn invalidate_all(&self) {
        self.shared.floors.raise_all(self.shared.next_stamp());
        self.shared.memory.clear();
    }

    /// Makes everything with this tag old, in all tiers: once it has returned, no get answers with
    /// what of that was loaded or written before. A load that began before is not kept, and does
    /// not answer a get that began after. O(1), however many entries there are: they leave when
    /// they are met or evicted.
    ///
    /// What is remembered of tags takes 128 KiB, however many there are. The price: among many
    /// tags invalidated in short time, an entry of another tag now and then is loaded anew too
    /// (3 of 100 where 2,000 tags were invalidated within its life).
    ///
    /// ```
    /// use cache_tiered::{InMemory, Life, MemoryTier, Tier, Tiered};
    ///
    /// let cache: Tiered<u64, String> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// cache.put_with(1, "one".to_owned(), Life::DEFAULT.tag("small")).wait()?;
    /// cache.invalidate_tag("small");
    /// assert_eq!(cache.get(&1).wait()?.expect("it is in the store").tier, Tier::Store);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) {
        let stamp = self.shared.next_stamp();
        self.shared.floors.raise(&tag.into(), stamp);
    }

    /// Where a key is and what is under way for it, at this instant.
    #[must_use]
    pub fn explain(&self, key: &K) -> Explanation {
        self.shared.explain(key)
    }

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

    /// Brings everything that was acknowledged before to an end, applied or dead, without waiting
    /// for its time; then makes it as durable as the store can. In write-through there is only the
    /// latter to do.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store failed, if it took nothing in as many attempts as a change has,
    /// or if the cache is closed.
    pub fn flush(&self) -> Operation<Result<FlushReport, FlushError>> {
        Operation::cold(&self.shared.pool, close::flush(Arc::clone(&self.shared)))
    }

    /// Closes the cache for all handles: lets the mutations end that have begun, then does what
    /// [`flush`](Self::flush) does. Later calls are answered with `Closed`. What the store does not
    /// take is left in the journal, and the report says so. The store itself, and with it a file
    /// that it has open, is let go of when the last handle is dropped, and so is the journal.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store or the journal could not be flushed, or the cache was closed
    /// before.
    pub fn close(&self) -> Operation<Result<CloseReport, FlushError>> {
        Operation::cold(
            &self.shared.pool,
            close::close(Arc::clone(&self.shared), None),
        )
    }

    /// [`close`](Self::close) that ends in time, by the clock of the memory tier. In write-behind
    /// nothing is lost by that; mutations that wait for room are answered with `Closed`.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_within(&self, deadline: Duration) -> Operation<Result<CloseReport, FlushError>> {
        Operation::cold(
            &self.shared.pool,
            close::close(Arc::clone(&self.shared), Some(deadline)),
        )
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
