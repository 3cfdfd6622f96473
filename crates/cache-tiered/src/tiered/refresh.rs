//! Loads in the background: begun by a hit on what is due, by nobody waited for.
//!
//! The first hit that finds an entry due claims it by a bit in the entry, so that the hits after
//! it write nothing. It then takes the lead of a load as any miss does: if somebody loads already
//! there is nothing to do, and a write meanwhile wins. The load itself runs on the cache's pool.
//! However it ends, the claim goes: a new value comes without one, a failure is noted in the entry
//! together with the time before which nobody asks again, and a load that panics takes its back.

use super::Shared;
use super::hit::Tier;
use super::kept::Kept;
use super::read::Leading;
use crate::error::LoadError;
use crate::memory::{Asked, Joined};
use crate::source::Loaded;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many loads run in the background: at most so many that those for whom somebody waits find
/// threads.
pub(super) struct Background {
    /// Relaxed: it is a count and orders nothing.
    running: AtomicUsize,
    most: usize,
}

impl Background {
    /// Of so many threads, half.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            running: AtomicUsize::new(0),
            most: (threads / 2).max(1),
        }
    }

    /// How many loads may run in the background at once.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Whether one more might begin. A hit looks at this before it claims anything.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.running.load(Ordering::Relaxed) < self.most
    }

    fn enter(&self) -> bool {
        let more = |running: usize| (running < self.most).then_some(running + 1);
        self.running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

/// The claim to an entry of a stamp, and a place in the background.
struct Claim<K: Hash + Eq, V> {
    shared: Arc<Shared<K, V>>,
    hash: u64,
    key: K,
    stamp: u64,
}

impl<K: Hash + Eq, V> Drop for Claim<K, V> {
    fn drop(&mut self) {
        self.shared
            .background
            .running
            .fetch_sub(1, Ordering::Relaxed);
        disclaim(&self.shared, self.hash, &self.key, self.stamp);
    }
}

fn disclaim<K: Hash + Eq, V>(shared: &Shared<K, V>, hash: u64, key: &K, stamp: u64) {
    shared.memory.core().peek(hash, key, |kept: &Kept<V>| {
        if kept.stamp() == stamp {
            kept.disclaim();
        }
    });
}

/// Starts a load in place of the entry of `stamp`, which the caller has claimed. It never waits.
pub(super) fn refresh<K, V, A>(
    shared: &Arc<Shared<K, V>>,
    hash: u64,
    key: &K,
    stamp: u64,
    asked: Asked,
    load: impl FnOnce(Arc<Shared<K, V>>, K) -> A + Send + 'static,
) where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    A: Future<Output = Result<Loaded<V>, LoadError>> + Send + 'static,
{
    if !shared.background.enter() {
        return disclaim(shared, hash, key, stamp);
    }
    let claim = Claim {
        shared: Arc::clone(shared),
        hash,
        key: key.clone(),
        stamp,
    };
    // Another entry than that which was due is a new one.
    let is_new = |kept: &Kept<V>| kept.stamp() != stamp;
    let core = shared.memory.core();
    let Joined::Leading(lead) = core.join_unless(hash, key, asked, is_new) else {
        return;
    };
    shared.pool.spawn(Box::pin(async move {
        let shared = Arc::clone(&claim.shared);
        let stamp = shared.next_stamp();
        // What was acknowledged and is not in the store yet is newer than what anybody could load.
        let (loaded, tier) = match (shared.unapplied(hash, &claim.key), asked) {
            (Some(value), _) => (Ok(value.into()), Tier::Dirty),
            (None, Asked::Store) => (
                load(Arc::clone(&shared), claim.key.clone()).await,
                Tier::Store,
            ),
            (None, Asked::Loader) => (
                load(Arc::clone(&shared), claim.key.clone()).await,
                Tier::Loader,
            ),
        };
        let leading = Leading {
            lead,
            hash,
            stamp,
            tier,
            background: true,
            prefetches: false,
            installs: true,
        };
        match &loaded {
            Ok(_) => shared.counters.refreshes.add(),
            Err(_) => shared.counters.refresh_failures.add(),
        }
        // The answer is for those who joined.
        drop(leading.land(&shared, loaded));
        drop(claim);
    }));
}
