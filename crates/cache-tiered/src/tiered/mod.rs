//! `Tiered`: memory over a store, written through or behind.

mod ahead;
mod behind;
mod builder;
mod close;
mod compute;
#[cfg(feature = "disk")]
mod disk;
mod ended;
mod gate;
mod get;
mod hit;
mod hot_keys;
mod invalidate;
mod kept;
mod letters;
mod limits;
mod many;
mod memory_tier;
#[cfg(not(feature = "disk"))]
mod no_disk;
mod put;
mod read;
mod read_ahead;
mod refresh;
mod sequential;
mod shared;
mod stats;
mod store;
mod through;
mod warm;
mod write;
mod writes;

pub use self::builder::TieredBuilder;
pub use self::close::{CloseReport, FlushReport};
pub use self::compute::ComputeError;
#[cfg(feature = "disk")]
pub use self::disk::{Admission, DiskError, DiskErrorKind, DiskTier, Overflow};
pub use self::hit::{Explanation, Hit, Standing, Tier};
pub use self::memory_tier::MemoryTier;
pub use self::read_ahead::ReadAhead;
pub use self::sequential::{Place, Sequential};
pub use self::stats::TieredStats;
pub use self::store::StoreRef;
pub use self::warm::WarmReport;
pub(crate) use self::writes::WriteBehindSettings;
pub use self::writes::{Behind, Through, WhenFull, Writes};

#[cfg(not(feature = "disk"))]
use self::no_disk as disk;
use self::shared::Shared;
use crate::events::Events;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// A cache in tiers over a store. A clone is another handle to the same cache.
///
/// Reads go through: what no tier holds is loaded from the store and kept. Writes go through, the
/// store has them first, then the memory tier; or [behind](crate::Writes::behind), a journal has them
/// first, and the store later. Every call returns an [`Operation`](crate::Operation), to be waited
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
/// write that the store refused leaves the store and the cache as they were, but for a copy in the disk
/// tier, which is gone before the store is asked, and the caller has
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
/// not somebody still watches ([`Operation`](crate::Operation)).
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
}

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Where a key is and what is under way for it, at this instant.
    #[must_use]
    pub fn explain(&self, key: &K) -> Explanation {
        self.shared.explain(key)
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
