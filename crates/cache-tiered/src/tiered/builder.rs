//! The builder of a `Tiered`.

use super::ahead::Ahead;
use super::disk::OnDisk;
#[cfg(feature = "disk")]
use super::disk::{DiskTier, ErasedDiskTier};
use super::gate::Gate;
use super::read_ahead::ReadAhead;
use super::refresh::Background;
use super::stats::Counters;
use super::through::ThroughPath;
use super::warm::Prefetches;
use super::writes::{Mode, Writes};
use super::{MemoryTier, Shared, Tiered};
use crate::behind::WriteBehind;
#[cfg(feature = "disk")]
use crate::codec::Codec;
#[cfg(feature = "disk")]
use crate::disk::Surroundings;
use crate::error::BuildError;
use crate::events::Broadcast;
use crate::executor::Pool;
use crate::floors::Floors;
use crate::observe::{Observer, Watch};
use crate::sink::Sink;
#[cfg(feature = "disk")]
use crate::snapshot::milliseconds_of;
use crate::source::Source;
use crate::store::erased::{ErasedStore, ReadOnly, ReadWrite};
use crate::timer::Timer;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "disk")]
use std::time::SystemTime;

/// Threads at most for operations that are awaited rather than waited for.
const THREADS_MAX: usize = 8;

/// Settings of a [`Tiered`]; from [`Tiered::builder`].
///
/// ```
/// use cache_tiered::{BuildError, InMemory, MemoryTier, Tiered, Writes};
///
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(1_000))
///     .store(InMemory::new())
///     .writes(Writes::through())
///     .build()?;
/// assert_eq!(
///     Tiered::<u64, String>::builder().memory(MemoryTier::entries(0)).store(InMemory::new()).build().err(),
///     Some(BuildError::ZeroCapacity),
/// );
/// # Ok::<(), BuildError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct TieredBuilder<K, V> {
    memory: Option<MemoryTier<K, V>>,
    store: Option<Arc<dyn ErasedStore<K, V>>>,
    #[cfg(feature = "disk")]
    disk: Option<ErasedDiskTier<K, V>>,
    writes: Writes<K, V>,
    read_ahead: Option<ReadAhead<K>>,
    threads: usize,
    name: String,
}

impl<K, V> TieredBuilder<K, V> {
    pub(super) fn new() -> Self {
        Self {
            memory: None,
            store: None,
            #[cfg(feature = "disk")]
            disk: None,
            writes: Writes::default(),
            read_ahead: None,
            threads: THREADS_MAX,
            name: "default".to_owned(),
        }
    }

    /// The memory tier.
    pub fn memory(mut self, tier: MemoryTier<K, V>) -> Self {
        self.memory = Some(tier);
        self
    }

    /// A disk tier between memory and store: what leaves memory for want of room goes there. None by default.
    #[cfg(feature = "disk")]
    pub fn disk<C: Codec<K>, D: Codec<V>>(mut self, tier: DiskTier<C, D>) -> Self {
        self.disk = Some(tier.erased());
        self
    }

    /// The store: where values come from and where writes go.
    pub fn store<S>(mut self, store: S) -> Self
    where
        S: Source<K, V> + Sink<K, V>,
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        self.store = Some(Arc::new(ReadWrite(store)));
        self
    }

    /// A source in place of a store: values come from it and nothing is written. A put or a
    /// removal is refused, with [`PutError::ReadOnly`](crate::PutError::ReadOnly) or
    /// [`RemoveError::ReadOnly`](crate::RemoveError::ReadOnly); everything else goes as over a store.
    ///
    /// ```
    /// use cache_tiered::{Loaded, MemoryTier, PutError, Source, Tiered};
    /// use std::{convert::Infallible, future::{Future, ready}};
    ///
    /// struct Squares;
    /// impl Source<u64, u64> for Squares {
    ///     type Error = Infallible;
    ///     fn load(&self, key: &u64) -> impl Future<Output = Result<Loaded<u64>, Infallible>> + Send {
    ///         ready(Ok(Loaded::from(key.checked_mul(*key))))
    ///     }
    /// }
    /// let cache = Tiered::builder().memory(MemoryTier::entries(100)).source(Squares).build()?;
    /// assert_eq!(cache.get(&12).wait()?.map(|hit| hit.value), Some(144));
    /// assert!(matches!(cache.put(12, 0).wait(), Err(PutError::ReadOnly { value: 0 })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn source<S>(mut self, source: S) -> Self
    where
        S: Source<K, V>,
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        self.store = Some(Arc::new(ReadOnly(source)));
        self
    }

    /// When writes reach the store: [`Writes::through`], which is the default, or
    /// [`Writes::behind`].
    pub fn writes(mut self, writes: impl Into<Writes<K, V>>) -> Self {
        self.writes = writes.into();
        self
    }

    /// Prefetches what comes next where keys are read in sequence; not by default. See [`ReadAhead`].
    ///
    /// ```
    /// use cache_tiered::{InMemory, MemoryTier, ReadAhead, Tiered};
    ///
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .memory(MemoryTier::entries(10_000))
    ///     .store(InMemory::new())
    ///     .read_ahead(ReadAhead::sequential())
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_ahead(mut self, read_ahead: ReadAhead<K>) -> Self {
        self.read_ahead = Some(read_ahead);
        self
    }

    /// How many threads the cache may start for operations that are awaited rather than waited
    /// for; 8 by default, at least 1. None is started before the first such operation. Each call
    /// of a blocking store takes one while it blocks. One that waits for another operation, in a
    /// loader or a store that does so, is not counted meanwhile.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The name that metrics and traces have for the cache, where these features are on: the label, or
    /// the field, `cache`. By default it is `default`; several caches should have several names.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Makes the cache. With write-behind it opens the journal, and takes up what is in it: that
    /// is dirty, and on its way to the store, when this returns.
    ///
    /// # Errors
    ///
    /// [`BuildError`] without memory tier or store, for settings that the memory tier or reading ahead
    /// refuses, and if the journal can not be opened.
    pub fn build(self) -> Result<Tiered<K, V>, BuildError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let events = Broadcast::new();
        let mut memory = self.memory.ok_or(BuildError::NoMemory)?;
        let store = self.store.ok_or(BuildError::NoStore)?;
        let ahead = Ahead::new(self.read_ahead).map_err(BuildError::ReadAhead)?;
        let ahead = Arc::new(ahead);
        let (floors, stamp) = (Arc::new(Floors::default()), Arc::new(AtomicU64::new(0)));
        let (terms, clock) = memory.time();
        #[cfg(not(feature = "disk"))]
        let disk: Option<Arc<OnDisk<K, V>>> = None;
        #[cfg(feature = "disk")]
        let disk = match self.disk {
            None => None,
            Some(tier) => {
                let surroundings = Surroundings {
                    stamp: Arc::clone(&stamp),
                    floors: Arc::clone(&floors),
                    clock: Arc::clone(&clock),
                    wall: milliseconds_of(SystemTime::now()),
                };
                let opened = OnDisk::open(tier, terms, surroundings);
                Some(Arc::new(opened.map_err(BuildError::Disk)?))
            }
        };
        let memory = memory.build(&events, disk.as_ref(), &ahead)?;
        let observer = Observer::new(&self.name);
        let (behind, through) = match self.writes.mode {
            Mode::Through(through) => (None, through),
            Mode::Behind(behind) => {
                let hash = |key: &K| memory.cache.core().hash(key);
                let (store, clock) = (Arc::clone(&store), Arc::clone(&clock));
                let watch = Watch::start();
                let open = || WriteBehind::open(behind, store, clock, (&events, &observer), hash);
                let opened = observer.doing("open", open);
                if let Ok(behind) = &opened {
                    let (recovered, (_, dead)) = (behind.recovered(), behind.left());
                    let (dirty, losses) = (recovered.dirty, recovered.losses);
                    observer.recovered(dirty, dead as u64, losses, watch);
                }
                (
                    Some(opened.map_err(BuildError::Journal)?),
                    Writes::through(),
                )
            }
        };
        if let Some(behind) = &behind {
            stamp.fetch_max(behind.recovered().stamp_high, Ordering::AcqRel);
        }
        Ok(Tiered {
            shared: Arc::new(Shared {
                memory: memory.cache,
                terms,
                timer: Timer::new(Arc::clone(&clock)),
                pool: Arc::new(Pool::new(self.threads, clock.activity())),
                clock,
                floors,
                background: Background::new(self.threads),
                prefetches: Prefetches::default(),
                ahead,
                disk,
                store,
                behind,
                through: ThroughPath::new(&through),
                gate: Gate::default(),
                stamp,
                counters: Counters::default(),
                events,
                observer,
            }),
        })
    }
}

impl<K, V> fmt::Debug for TieredBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredBuilder")
            .field("memory", &self.memory)
            .field("store", &self.store.is_some())
            .field("writes", &self.writes)
            .field("read_ahead", &self.read_ahead)
            .field("threads", &self.threads)
            .field("name", &self.name)
            .finish()
    }
}
