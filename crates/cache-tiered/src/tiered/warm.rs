//! Loads that nobody waits for one by one: `prefetch` and `warm`.

use super::kept::{Kept, Mark};
use super::many::{self, Distinct};
use super::{Shared, Tiered};
use crate::error::LoadError;
use crate::life::Life;
use crate::memory::{Asked, Install, Joined, Keep};
use crate::operation::Operation;
use event_listener::Event;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;

/// Keys of one question to the store.
const CHUNK: usize = 256;
/// Keys that may wait to be prefetched; what is beyond is dropped and counted.
const WAITING_MAX: usize = 1 << 16;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Lets keys be loaded in the background that memory does not hold, and returns at once, with
    /// the number of keys that were dropped: as many as 65,536 may wait. Errors are counted and
    /// told of by nobody ([`load_failures`](crate::TieredStats::load_failures)). O(keys).
    ///
    /// ```
    /// # use cache_tiered::{InMemory, MemoryTier, Tiered};
    /// # let cache: Tiered<u64, u64> =
    /// #     Tiered::builder().memory(MemoryTier::entries(100)).store(InMemory::new()).build()?;
    /// assert_eq!(cache.prefetch(0..10), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prefetch(&self, keys: impl IntoIterator<Item = K>) -> u64 {
        prefetch(&self.shared, keys.into_iter())
    }

    /// A get misses a key: it may continue a run.
    #[inline]
    pub(super) fn missed(&self, key: &K) {
        if self.shared.ahead.is_on() {
            self.read_ahead(key, true);
        }
    }

    /// A get is the first to hit what a run came by.
    #[cold]
    pub(super) fn hit_ahead(&self, key: &K, mark: Mark) {
        if mark.prefetched {
            self.shared.ahead.hits.add();
        }
        self.read_ahead(key, false);
    }

    fn read_ahead(&self, key: &K, missed: bool) {
        let keys = self.shared.ahead.asked(key, missed);
        if !keys.is_empty() {
            prefetch(&self.shared, keys.into_iter());
        }
    }

    /// Loads the keys of an iterator that memory does not hold, 256 with one question to the
    /// store, and as many questions at once as half the cache's [`threads`](crate::TieredBuilder::threads).
    /// It ends with the iterator, which is taken from as the loads go on, or when the cache is
    /// closed. O(keys) beside what the store does.
    ///
    /// Keys that are due by what is known of earlier accesses come from `Periods::due_by` and
    /// `AccessIntervals::expected_within` of the crate cache-policies. Warm them shortly before: what nobody has
    /// asked for yet has but a part of the memory tier with some policies, of S3-FIFO, the default, a tenth.
    pub fn warm<I>(&self, keys: I) -> Operation<WarmReport>
    where
        I: IntoIterator<Item = K>,
        I::IntoIter: Send + 'static,
    {
        let warming = warm(Arc::clone(&self.shared), keys.into_iter());
        Operation::cold(&self.shared.pool, warming)
    }

    /// Gives the memory tier values that the caller has at hand, say from a scan of the store,
    /// for keys that it does not hold and for which nothing is under way. The store is neither
    /// asked nor written.
    ///
    /// The caller answers for it that these are the values in the store: a key that is written
    /// between the scan and this call is to be left out. So warm a cache before it is written to,
    /// or use [`warm`](Self::warm), which is safe at any time. O(entries).
    ///
    /// ```
    /// # use cache_tiered::{InMemory, MemoryTier, Tiered};
    /// # let cache: Tiered<u64, u64> =
    /// #     Tiered::builder().memory(MemoryTier::entries(100)).store(InMemory::new()).build()?;
    /// assert_eq!(cache.warm_with([(1, 10), (2, 20)]).loaded, 2);
    /// assert!(cache.get(&1).is_ready());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn warm_with(&self, entries: impl IntoIterator<Item = (K, V)>) -> WarmReport {
        warm_with(&self.shared, entries.into_iter())
    }
}

/// What became of a [`Tiered::warm`](crate::Tiered::warm).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let store = InMemory::new();
/// let writer: Tiered<u64, u64> = Tiered::builder()
///     .memory(MemoryTier::entries(1))
///     .store(store.clone())
///     .build()?;
/// for key in 0..100 {
///     writer.put(key, key * key).wait()?;
/// }
/// let cache = Tiered::builder().memory(MemoryTier::entries(1_000)).store(store).build()?;
/// let report = cache.warm(50..150).wait();
/// assert_eq!((report.loaded, report.absent, report.failed), (50, 50, 0));
/// assert!(cache.get(&99).is_ready());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WarmReport {
    /// Keys whose value was loaded or taken over. More of them than fit evict one another.
    pub loaded: u64,
    /// Keys of which a tier knew, or somebody else loaded them just then.
    pub present: u64,
    /// Keys without a value.
    pub absent: u64,
    /// Keys that could not be loaded.
    pub failed: u64,
    /// Why: the first error. None if nothing failed, or a load panicked.
    pub error: Option<LoadError>,
}

impl WarmReport {
    fn add(&mut self, other: Self) {
        self.loaded += other.loaded;
        self.present += other.present;
        self.absent += other.absent;
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
    }
}

/// Loads those of some keys that memory has not and nobody loads.
async fn fill<K, V>(shared: &Arc<Shared<K, V>>, keys: Vec<K>, prefetches: bool) -> WarmReport
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let mut report = WarmReport::default();
    if shared.gate.is_closed() {
        report.failed = keys.len() as u64;
        report.error = Some(LoadError::Closed);
        return report;
    }
    let core = shared.memory.core();
    let mut leads = Vec::new();
    for key in keys {
        let hash = core.hash(&key);
        let serves = |kept: &Kept<V>| shared.serves(kept);
        match core.join_unless(hash, &key, Asked::Store, serves) {
            Joined::Leading(lead) => leads.push((hash, lead)),
            Joined::Resident(_) => {
                report.present += 1;
                // A run that goes through what is in memory hears of it there.
                if prefetches && shared.ahead.is_there(&key) {
                    core.peek(hash, &key, Kept::await_hit);
                }
            }
            Joined::Waiting { .. } => {
                report.present += 1;
                if prefetches {
                    shared.ahead.is_there(&key);
                }
            }
        }
    }
    for answer in many::lead(shared, leads, prefetches, true).await {
        match answer {
            Ok(Some(_)) => report.loaded += 1,
            Ok(None) => report.absent += 1,
            Err(error) => {
                report.failed += 1;
                report.error.get_or_insert(error);
            }
        }
    }
    report
}

/// The next keys of an iterator, each but once.
fn chunk<K, V>(shared: &Shared<K, V>, keys: &mut dyn Iterator<Item = K>) -> Vec<K>
where
    K: Hash + Eq + Clone,
{
    let mut distinct = Distinct::new();
    for key in keys.take(CHUNK) {
        let hash = shared.memory.core().hash(&key);
        distinct.place(hash, &key, || key.clone());
    }
    distinct
        .into_keys()
        .into_iter()
        .map(|(_, key)| key)
        .collect()
}

/// The keys that wait to be prefetched.
pub(super) struct Prefetches<K> {
    waiting: Mutex<Waiting<K>>,
}

struct Waiting<K> {
    keys: VecDeque<K>,
    /// A task sees to them.
    attended: bool,
}

impl<K> Default for Prefetches<K> {
    fn default() -> Self {
        let waiting = Waiting {
            keys: VecDeque::new(),
            attended: false,
        };
        Self {
            waiting: Mutex::new(waiting),
        }
    }
}

/// Whoever sees to the prefetches; a panic of the store leaves the others to the next one who asks.
struct Attendant<K, V> {
    shared: Arc<Shared<K, V>>,
    /// It has found nothing more to do. From then on another may see to them.
    has_left: bool,
}

impl<K, V> Drop for Attendant<K, V> {
    fn drop(&mut self) {
        if !self.has_left {
            self.shared.prefetches.waiting.lock().attended = false;
        }
    }
}

/// Lets keys be loaded in the background; how many of them were dropped as too many wait.
fn prefetch<K, V>(shared: &Arc<Shared<K, V>>, keys: impl Iterator<Item = K>) -> u64
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let mut dropped = 0;
    for key in keys {
        // The lock once a key: the iterator is the caller's and may use the cache.
        let mut waiting = shared.prefetches.waiting.lock();
        if waiting.keys.len() < WAITING_MAX {
            waiting.keys.push_back(key);
        } else {
            drop(waiting);
            dropped += 1;
            shared.ahead.comes_not(&key);
        }
    }
    shared.counters.prefetches_dropped.add_many(dropped);
    {
        let mut waiting = shared.prefetches.waiting.lock();
        if waiting.keys.is_empty() || std::mem::replace(&mut waiting.attended, true) {
            return dropped;
        }
    }
    let mut attendant = Attendant {
        shared: Arc::clone(shared),
        has_left: false,
    };
    shared.pool.spawn(Box::pin(async move {
        while let Some(keys) = next_to_prefetch(&mut attendant) {
            let report = fill(&attendant.shared, keys, true).await;
            attendant.shared.counters.prefetched.add_many(report.loaded);
        }
    }));
    dropped
}

/// The next keys to be prefetched; none if no more wait, and then the attendant has left.
fn next_to_prefetch<K: Hash + Eq + Clone, V>(attendant: &mut Attendant<K, V>) -> Option<Vec<K>> {
    let keys: Vec<K> = {
        let mut waiting = attendant.shared.prefetches.waiting.lock();
        let count = waiting.keys.len().min(CHUNK);
        // Under the lock, so that no key comes in between and finds itself attended to.
        waiting.attended = count != 0;
        waiting.keys.drain(..count).collect()
    };
    attendant.has_left = keys.is_empty();
    (!keys.is_empty()).then(|| chunk(&attendant.shared, &mut keys.into_iter()))
}

/// What those who warm a cache share.
struct Warming<K, I> {
    keys: Mutex<I>,
    report: Mutex<(WarmReport, usize)>,
    ended: Event,
    _key: std::marker::PhantomData<fn() -> K>,
}

/// One of those who warm; however it ends, it is counted out.
struct Warmer<K, I> {
    warming: Arc<Warming<K, I>>,
    /// The keys that it is loading.
    under_way: u64,
}

impl<K, I> Drop for Warmer<K, I> {
    fn drop(&mut self) {
        let mut report = self.warming.report.lock();
        report.0.failed += self.under_way;
        report.1 -= 1;
        drop(report);
        self.warming.ended.notify(usize::MAX);
    }
}

async fn warm_on<K, V, I>(shared: Arc<Shared<K, V>>, mut warmer: Warmer<K, I>)
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    I: Iterator<Item = K> + Send,
{
    loop {
        let keys = chunk(&shared, &mut *warmer.warming.keys.lock());
        if keys.is_empty() {
            return;
        }
        warmer.under_way = keys.len() as u64;
        let report = fill(&shared, keys, false).await;
        warmer.under_way = 0;
        warmer.warming.report.lock().0.add(report);
        if shared.gate.is_closed() {
            return;
        }
    }
}

/// Loads keys, some hundreds with one question, and a few questions at a time.
pub(super) async fn warm<K, V, I>(shared: Arc<Shared<K, V>>, keys: I) -> WarmReport
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    I: Iterator<Item = K> + Send + 'static,
{
    let warmers = shared.background.most();
    let warming = Arc::new(Warming {
        keys: Mutex::new(keys),
        report: Mutex::new((WarmReport::default(), warmers)),
        ended: Event::new(),
        _key: std::marker::PhantomData,
    });
    let warmer = || Warmer {
        warming: Arc::clone(&warming),
        under_way: 0,
    };
    for _ in 1..warmers {
        let warming = warm_on(Arc::clone(&shared), warmer());
        shared.pool.spawn(Box::pin(warming));
    }
    warm_on(Arc::clone(&shared), warmer()).await;
    loop {
        let listener = warming.ended.listen();
        {
            let report = warming.report.lock();
            if report.1 == 0 {
                return report.0.clone();
            }
        }
        listener.await;
    }
}

/// Takes over values, where memory holds nothing of their key and nothing is under way for it.
fn warm_with<K, V>(shared: &Arc<Shared<K, V>>, entries: impl Iterator<Item = (K, V)>) -> WarmReport
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let mut report = WarmReport::default();
    let (stamp, core) = (shared.next_stamp(), shared.memory.core());
    for (key, value) in entries {
        let hash = core.hash(&key);
        let serves = |kept: &Kept<V>| shared.serves(kept);
        let Joined::Leading(lead) = core.join_unless(hash, &key, Asked::Store, serves) else {
            report.present += 1;
            continue;
        };
        // What was acknowledged and is not in the store yet is newer. The load is given up.
        if shared.unapplied(hash, &key).is_some() {
            report.present += 1;
            continue;
        }
        let (kept, keep) = shared.keep(Some(value), Life::DEFAULT, stamp);
        let changing = shared.change_on_disk(&key, stamp);
        let install = match keep {
            Keep::No => Install::Leave,
            _ if changing.is_err() => Install::Leave,
            keep => Install::Put(kept.clone(), keep),
        };
        let installed = lead.end(Ok(kept), install);
        drop(changing);
        report.loaded += u64::from(installed);
        report.present += u64::from(!installed);
    }
    report
}
