//! The builder of a `Tiered`, and the settings of its memory tier.

use super::gate::Gate;
use super::stats::Counters;
use super::{Shared, Tiered};
use crate::error::BuildError;
use crate::executor::Pool;
use crate::memory::{Clock, MemoryCache, MemoryCacheBuilder};
use crate::sink::Sink;
use crate::source::Source;
use crate::store::erased::ErasedStore;
use cache_policies::{AnyConfig, Cause};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Threads at most for operations that are awaited rather than waited for.
const THREADS_MAX: usize = 8;

/// The settings of the memory tier of a [`Tiered`].
///
/// ```
/// use cache_tiered::MemoryTier;
///
/// let tier = MemoryTier::weighted(64 << 20, |_key: &u64, value: &Vec<u8>| value.len() as u32 + 64)
///     .policy("s3-fifo".parse()?)
///     .shards(4);
/// # let _: MemoryTier<u64, Vec<u8>> = tier;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "settings do nothing until they are given to `Tiered::builder().memory(..)`"]
pub struct MemoryTier<K, V> {
    builder: MemoryCacheBuilder<K, Option<V>>,
}

impl<K, V> MemoryTier<K, V> {
    /// A tier of at most this many entries.
    pub fn entries(capacity: u64) -> Self {
        Self {
            builder: MemoryCache::builder().capacity(capacity),
        }
    }

    /// A tier of at most this weight. The weigher is called once an insert, under a lock: keep it
    /// cheap and away from the cache. The knowledge that a key is absent weighs 1.
    pub fn weighted(
        capacity: u64,
        weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static,
    ) -> Self {
        let weigher =
            move |key: &K, value: &Option<V>| value.as_ref().map_or(1, |value| weigher(key, value));
        Self {
            builder: MemoryCache::builder().capacity(capacity).weigher(weigher),
        }
    }

    /// The eviction policy; S3-FIFO by default.
    pub fn policy(self, policy: AnyConfig) -> Self {
        Self {
            builder: self.builder.policy(policy),
        }
    }

    /// The number of shards, rounded up to a power of two; see [`MemoryCache`] for the default.
    pub fn shards(self, shards: usize) -> Self {
        Self {
            builder: self.builder.shards(shards),
        }
    }

    /// The heaviest entry that must fit; where no number of shards is asked for, there are few enough for it.
    pub fn heaviest_entry(self, weight: u32) -> Self {
        Self {
            builder: self.builder.heaviest_entry(weight),
        }
    }

    /// How long a value is kept after it was loaded or written, where its source says nothing
    /// else; no limit by default.
    pub fn time_to_live(self, ttl: Duration) -> Self {
        Self {
            builder: self.builder.time_to_live(ttl),
        }
    }

    /// How long a value is kept after its last use; no limit by default.
    pub fn time_to_idle(self, tti: Duration) -> Self {
        Self {
            builder: self.builder.time_to_idle(tti),
        }
    }

    /// The clock of all lifetimes; [`MonotonicClock`](crate::MonotonicClock) by default.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            builder: self.builder.clock(clock),
        }
    }

    /// Who gets the values that leave the tier by eviction, expiry or
    /// [`invalidate_all`](Tiered::invalidate_all). The store still has them. Called without a lock.
    pub fn listener(self, listener: impl Fn(K, V, Cause) + Send + Sync + 'static) -> Self
    where
        K: 'static,
        V: 'static,
    {
        let listener = move |key, value: Option<V>, cause| {
            if let Some(value) = value {
                listener(key, value, cause);
            }
        };
        Self {
            builder: self.builder.listener(listener),
        }
    }
}

impl<K, V> fmt::Debug for MemoryTier<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryTier").field(&self.builder).finish()
    }
}

/// When a write reaches the store.
///
/// ```
/// use cache_tiered::Writes;
///
/// assert_eq!(Writes::default(), Writes::Through);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writes {
    /// Before it is acknowledged.
    #[default]
    Through,
}

/// Settings of a [`Tiered`]; from [`Tiered::builder`].
///
/// ```
/// use cache_tiered::{BuildError, InMemory, MemoryTier, Tiered, Writes};
///
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(1_000))
///     .store(InMemory::new())
///     .writes(Writes::Through)
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
    store: Option<Box<dyn ErasedStore<K, V>>>,
    writes: Writes,
    threads: usize,
}

impl<K, V> TieredBuilder<K, V> {
    pub(super) fn new() -> Self {
        Self {
            memory: None,
            store: None,
            writes: Writes::Through,
            threads: THREADS_MAX,
        }
    }

    /// The memory tier.
    pub fn memory(mut self, tier: MemoryTier<K, V>) -> Self {
        self.memory = Some(tier);
        self
    }

    /// The store: where values come from and where writes go.
    pub fn store<S>(mut self, store: S) -> Self
    where
        S: Source<K, V> + Sink<K, V>,
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        self.store = Some(Box::new(store));
        self
    }

    /// When writes reach the store; [`Writes::Through`] by default.
    pub const fn writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
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

    /// Makes the cache.
    ///
    /// # Errors
    ///
    /// [`BuildError`] without memory tier or store, and for settings that the memory tier refuses.
    pub fn build(self) -> Result<Tiered<K, V>, BuildError>
    where
        K: Hash + Eq,
    {
        let Writes::Through = self.writes;
        let memory = self.memory.ok_or(BuildError::NoMemory)?.builder.build()?;
        let store = self.store.ok_or(BuildError::NoStore)?;
        Ok(Tiered {
            shared: Arc::new(Shared {
                memory,
                store,
                pool: Arc::new(Pool::new(self.threads)),
                gate: Gate::default(),
                stamp: AtomicU64::new(0),
                counters: Counters::default(),
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
            .field("threads", &self.threads)
            .finish()
    }
}
