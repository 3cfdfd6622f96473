//! The memory tier of a `Tiered`: its settings, and how long it keeps what.

use super::ahead::Ahead;
use super::disk::OnDisk;
use super::kept::{Backoff, Kept, Terms};
use crate::error::BuildError;
use crate::events::{Broadcast, Event};
use crate::life::Life;
use crate::memory::{Clock, Departure, Marker, MemoryCache, MemoryCacheBuilder, MonotonicClock};
use cache_policies::{AnyConfig, Cause, Quota};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// How long a source that failed once is left alone, by default.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// How long one that goes on failing is left alone, by default.
const BACKOFF_MOST: Duration = Duration::from_secs(30);

/// Who gets the values that leave.
type Listener<K, V> = Arc<dyn Fn(K, V, Cause) + Send + Sync>;

/// The settings of the memory tier of a [`Tiered`](crate::Tiered).
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
    builder: MemoryCacheBuilder<K, Kept<V>>,
    clock: Option<Arc<dyn Clock>>,
    listener: Option<Listener<K, V>>,
    life: Life,
    absent_for: Duration,
    backoff: Backoff,
}

/// The tier as a `Tiered` has it.
pub(super) struct Built<K, V> {
    pub(super) cache: MemoryCache<K, Kept<V>>,
}

impl<K, V> MemoryTier<K, V> {
    /// A tier of at most this many entries.
    pub fn entries(capacity: u64) -> Self {
        Self::of(MemoryCache::builder().capacity(capacity))
    }

    /// A tier of at most this weight. The weigher is called once an insert,
    /// without a lock. The knowledge that a key is absent weighs 1.
    pub fn weighted(
        capacity: u64,
        weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static,
    ) -> Self {
        let weigher =
            move |key: &K, kept: &Kept<V>| kept.value().map_or(1, |value| weigher(key, value));
        Self::of(MemoryCache::builder().capacity(capacity).weigher(weigher))
    }

    /// The eviction policy; S3-FIFO by default.
    pub fn policy(self, policy: AnyConfig) -> Self {
        self.with(|builder| builder.policy(policy))
    }

    /// The number of shards, rounded up to a power of two; see [`MemoryCache`] for the default.
    pub fn shards(self, shards: usize) -> Self {
        self.with(|builder| builder.shards(shards))
    }

    /// The heaviest entry that must fit; where no number of shards is asked for, there are few enough for it.
    pub fn heaviest_entry(self, weight: u32) -> Self {
        self.with(|builder| builder.heaviest_entry(weight))
    }

    /// Partitions of the tier, each with a quota, by the number that `of` says of a key; see
    /// [`MemoryCacheBuilder::partitions`]. The store knows nothing of them.
    pub fn partitions(
        self,
        quotas: impl IntoIterator<Item = Quota>,
        of: impl Fn(&K) -> usize + Send + Sync + 'static,
    ) -> Self {
        self.with(|builder| builder.partitions(quotas, of))
    }

    fn of(builder: MemoryCacheBuilder<K, Kept<V>>) -> Self {
        Self {
            builder,
            clock: None,
            listener: None,
            life: Life::DEFAULT,
            absent_for: Duration::ZERO,
            backoff: Backoff::new(BACKOFF_FIRST, BACKOFF_MOST),
        }
    }

    fn with(
        mut self,
        set: impl FnOnce(MemoryCacheBuilder<K, Kept<V>>) -> MemoryCacheBuilder<K, Kept<V>>,
    ) -> Self {
        self.builder = set(self.builder);
        self
    }

    /// How long a value is kept after it was loaded or written, where its source says nothing
    /// else; no limit by default.
    pub fn time_to_live(mut self, ttl: Duration) -> Self {
        self.life = self.life.ttl(ttl);
        self
    }

    /// The age from which on a hit starts one load in the background, where the source says
    /// nothing else; none by default. The hit is answered at once. See [`Life`].
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.life = self.life.refresh_after(age);
        self
    }

    /// How long after its time to live an old value still answers while one load in the background
    /// fetches the new one, where the source says nothing else; not at all by default. See [`Life`].
    pub fn stale_for(mut self, window: Duration) -> Self {
        self.life = self.life.stale_for(window);
        self
    }

    /// How long after its time to live an old value answers if the source fails, where the source
    /// says nothing else; not at all by default. See [`Life`].
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.life = self.life.stale_if_error(window);
        self
    }

    /// How long the answer that there is no value is kept, where its source says nothing else; not
    /// at all by default.
    pub fn absent_for(mut self, ttl: Duration) -> Self {
        self.absent_for = ttl;
        self
    }

    /// How long a source that failed is not asked again for a key whose old value can answer
    /// meanwhile: `first` after one failure, twice that after each further one in a row, at most
    /// `most`. 100 ms and 30 s by default.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = Backoff::new(first, most);
        self
    }

    /// How long a value is kept after its last use; no limit by default.
    pub fn time_to_idle(self, tti: Duration) -> Self {
        self.with(|builder| builder.time_to_idle(tti))
    }

    /// The clock of all lifetimes; [`MonotonicClock`](crate::MonotonicClock) by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Who gets the values that leave the tier by eviction, expiry or
    /// [`invalidate_all`](crate::Tiered::invalidate_all). The store still has them. Called without a lock.
    pub fn listener(mut self, listener: impl Fn(K, V, Cause) + Send + Sync + 'static) -> Self
    where
        K: Clone + 'static,
        V: Clone + 'static,
    {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The lives that it gives, and the clock by which.
    pub(super) fn time(&mut self) -> (Terms, Arc<dyn Clock>) {
        let terms = Terms::new(&self.life, self.absent_for, self.backoff);
        let own = || Arc::new(MonotonicClock::new()) as Arc<dyn Clock>;
        (terms, Arc::clone(self.clock.get_or_insert_with(own)))
    }

    /// The tier, whose values that leave are told to those who listen to `events` and to `ahead`, and go to the disk tier.
    pub(super) fn build(
        mut self,
        events: &Arc<Broadcast<K>>,
        disk: Option<&Arc<OnDisk<K, V>>>,
        ahead: &Arc<Ahead<K>>,
    ) -> Result<Built<K, V>, BuildError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let (terms, clock) = self.time();
        let builder = self.builder.clock(move || clock.now());
        let mut builder = with_listeners(builder, self.listener, events, disk, ahead);
        if let Some(ttl) = terms.hard() {
            builder = builder.time_to_live(ttl);
        }
        Ok(Built {
            cache: builder.build()?,
        })
    }
}

/// Who hears of values that leave: the disk tier, reading ahead, the listener that the tier was given, and those who listen
/// to events.
fn with_listeners<K, V>(
    builder: MemoryCacheBuilder<K, Kept<V>>,
    listener: Option<Listener<K, V>>,
    events: &Arc<Broadcast<K>>,
    disk: Option<&Arc<OnDisk<K, V>>>,
    ahead: &Arc<Ahead<K>>,
) -> MemoryCacheBuilder<K, Kept<V>>
where
    K: Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    // Without all of these nobody need be told while nobody listens to events.
    let heard = match (&listener, disk, ahead.is_on()) {
        (None, None, false) => Some(Arc::clone(events.listening())),
        _ => None,
    };
    let mark = disk.cloned().map(|disk| {
        let marker: Marker<K> = Arc::new(move |key| disk.mark(key));
        marker
    });
    let (events, disk, ahead) = (Arc::clone(events), disk.cloned(), Arc::clone(ahead));
    let told = move |left: Departure<K, Kept<V>>| {
        if left.value.is_unused() {
            ahead.has_left(&left.key);
        }
        if left.value.value().is_none() {
            return;
        }
        if let Some(disk) = &disk {
            disk.demote(&left);
        }
        let Departure {
            key, value, cause, ..
        } = left;
        events.emit(|| Event::Evicted {
            key: key.clone(),
            cause,
        });
        // Last: it may panic.
        if let (Some(listener), Some(value)) = (&listener, value.into_value()) {
            listener(key, value, cause);
        }
    };
    builder.departures(told, heard, mark)
}

impl<K, V> fmt::Debug for MemoryTier<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTier")
            .field("memory", &self.builder)
            .field("life", &self.life)
            .field("absent_for", &self.absent_for)
            .finish_non_exhaustive()
    }
}
