//! The builder of a cache.

use core::fmt;
use core::hash::BuildHasher;
use core::marker::PhantomData;

use super::store::Store;
use super::{Cache, CacheStats};
use crate::timer_wheel::NEVER;
use crate::{ConfigError, Listener, One, Policy, Residency, S3Fifo, Weigh};

/// Settings of a [`Cache`] to be; from [`Cache::builder`].
///
/// ```
/// use cache_policies::{Cache, Lru, LruConfig};
///
/// let mut cache = Cache::<String, Vec<u8>>::builder()
///     .capacity(1 << 20)
///     .max_entries(10_000)
///     .weigher(|key: &String, value: &Vec<u8>| (key.len() + value.len()) as u32)
///     .policy::<Lru>(LruConfig::default())
///     .time_to_live(60_000)
///     .build()?;
/// cache.insert("key".into(), vec![1, 2, 3]).unwrap();
/// assert_eq!((cache.len(), cache.weight()), (1, 6));
/// cache.advance_to(60_000);
/// assert_eq!((cache.len(), cache.weight()), (0, 0));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder<
    K,
    V,
    P: Policy = S3Fifo,
    W = One,
    L = (),
    S = foldhash::quality::RandomState,
> {
    limits: Limits,
    parts: Parts<P::Config, W, L, S>,
    entry: PhantomData<fn(K, V)>,
}

/// The settings with types of their own: the policy's configuration, the weigher, the listener, the hasher. A tuple, so that
/// each can be exchanged for one of another type.
type Parts<C, W, L, S> = (C, W, L, S);

/// The settings that are plain numbers.
#[derive(Clone, Copy, Debug)]
struct Limits {
    capacity: u64,
    max_entries: usize,
    time_to_live: u64,
    time_to_idle: u64,
    now: u64,
}

impl<K, V> CacheBuilder<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            limits: Limits {
                capacity: 0,
                max_entries: usize::MAX,
                time_to_live: NEVER,
                time_to_idle: NEVER,
                now: 0,
            },
            parts: (
                Default::default(),
                One,
                (),
                foldhash::quality::RandomState::default(),
            ),
            entry: PhantomData,
        }
    }
}

impl<K, V, P: Policy, W, L, S> CacheBuilder<K, V, P, W, L, S> {
    /// The weight that all entries may have together; a number of entries unless there is a
    /// [`weigher`](CacheBuilder::weigher). The default is 0: a cache that takes nothing but entries of weight 0.
    pub fn capacity(mut self, capacity: u64) -> Self {
        self.limits.capacity = capacity;
        self
    }

    /// The number of entries that there may be, whatever they weigh; no limit by default.
    ///
    /// It is what bounds entries of weight 0.
    pub fn max_entries(mut self, max_entries: usize) -> Self {
        self.limits.max_entries = max_entries;
        self
    }

    /// The policy and its parameters, [`S3Fifo`] with those of its paper by default.
    pub fn policy<P2: Policy>(self, config: P2::Config) -> CacheBuilder<K, V, P2, W, L, S> {
        let (_, weigher, listener, hasher) = self.parts;
        CacheBuilder::from_parts(self.limits, (config, weigher, listener, hasher))
    }

    /// How much each entry weighs (see [`Weigh`]), [`One`] by default. A closure must name its arguments' types.
    pub fn weigher<W2: Weigh<K, V>>(self, weigher: W2) -> CacheBuilder<K, V, P, W2, L, S> {
        let (config, _, listener, hasher) = self.parts;
        CacheBuilder::from_parts(self.limits, (config, weigher, listener, hasher))
    }

    /// Who hears of entries that leave (see [`Listener`]), nobody by default.
    pub fn listener<L2: Listener<K, V>>(self, listener: L2) -> CacheBuilder<K, V, P, W, L2, S> {
        let (config, weigher, _, hasher) = self.parts;
        CacheBuilder::from_parts(self.limits, (config, weigher, listener, hasher))
    }

    /// How keys are hashed. The default, `foldhash::quality::RandomState`, is fast and seeded anew for each builder: keys that
    /// were chosen beforehand to collide do not. That is no cryptographic promise, and foldhash makes none against one who
    /// sends keys and watches how long the cache takes or what it evicts, to find the seed and with it collisions, which make
    /// each look-up linear. Where such keys come in, take a keyed hash that is made for them: SipHash, which is std's
    /// `RandomState`, for some nanoseconds a key.
    ///
    /// ```
    /// use std::hash::RandomState; // SipHash, with random keys
    ///
    /// use cache_policies::Cache;
    ///
    /// let mut cache = Cache::<String, u32>::builder()
    ///     .capacity(1000)
    ///     .hasher(RandomState::new())
    ///     .build()?;
    /// cache.insert("from a stranger".into(), 1).unwrap();
    /// assert_eq!(cache.get("from a stranger"), Some(&1));
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    pub fn hasher<S2: BuildHasher>(self, hasher: S2) -> CacheBuilder<K, V, P, W, L, S2> {
        let (config, weigher, listener, _) = self.parts;
        CacheBuilder::from_parts(self.limits, (config, weigher, listener, hasher))
    }

    fn from_parts(limits: Limits, parts: Parts<P::Config, W, L, S>) -> Self {
        Self {
            limits,
            parts,
            entry: PhantomData,
        }
    }

    /// Ticks that an entry lives from its insert, unless `insert_with_ttl` says otherwise; for ever by default.
    ///
    /// With 0 every plain insert is refused as [`Stillborn`](crate::RejectReason::Stillborn).
    pub fn time_to_live(mut self, ticks: u64) -> Self {
        self.limits.time_to_live = ticks;
        self
    }

    /// Ticks that an entry lives from its last use (`insert`, `get`, `get_mut`, `entry`; not `peek` or `contains`), within
    /// its time to live; for ever by default. With 0 every insert is refused as
    /// [`Stillborn`](crate::RejectReason::Stillborn).
    pub fn time_to_idle(mut self, ticks: u64) -> Self {
        self.limits.time_to_idle = ticks;
        self
    }

    /// The tick that the cache's clock starts at, 0 by default.
    pub fn now(mut self, tick: u64) -> Self {
        self.limits.now = tick;
        self
    }

    /// Makes the cache. It allocates as it fills.
    ///
    /// # Errors
    /// [`ConfigError`] if a parameter of the policy is out of its range.
    pub fn build(self) -> Result<Cache<K, V, P, W, L, S>, ConfigError> {
        let Limits {
            capacity,
            max_entries,
            time_to_live,
            time_to_idle,
            now,
        } = self.limits;
        let (config, weigher, listener, hasher) = self.parts;
        let residency = Residency::new(P::new(capacity, &config)?)
            .with_max_entries(max_entries)
            .with_time_to_live(time_to_live)
            .with_time_to_idle(time_to_idle)
            .with_now(now);
        Ok(Cache {
            store: Store::new(residency),
            weigher,
            listener,
            hasher,
            stats: CacheStats::default(),
        })
    }
}

/// Clones the settings, for several caches of one kind. Note that a cloned hasher has the seed of the original.
impl<K, V, P, W, L, S> Clone for CacheBuilder<K, V, P, W, L, S>
where
    P: Policy,
    W: Clone,
    L: Clone,
    S: Clone,
{
    fn clone(&self) -> Self {
        Self::from_parts(self.limits, self.parts.clone())
    }
}

impl<K, V, P: Policy, W, L, S> fmt::Debug for CacheBuilder<K, V, P, W, L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("limits", &self.limits)
            .field("config", &self.parts.0)
            .finish_non_exhaustive()
    }
}
