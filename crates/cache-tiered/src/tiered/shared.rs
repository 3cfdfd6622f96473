//! What all handles and all operations of a cache share, and the stamps that it gives.

use super::ahead::Ahead;
use super::disk::{Changing, OnDisk};
use super::gate::Gate;
use super::kept::{Kept, Terms};
use super::refresh::Background;
use super::stats::Counters;
use super::through::ThroughPath;
use super::warm::Prefetches;
use crate::behind::WriteBehind;
use crate::error::StoreError;
use crate::events::Broadcast;
use crate::executor::Pool;
use crate::floors::Floors;
use crate::life::Life;
use crate::memory::{Clock, Keep, MemoryCache};
use crate::observe::Observer;
use crate::store::erased::ErasedStore;
use crate::timer::Timer;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all handles and all operations of a cache share.
pub(super) struct Shared<K, V> {
    pub(super) memory: MemoryCache<K, Kept<V>>,
    pub(super) terms: Terms,
    /// The clock of the memory tier.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) floors: Arc<Floors>,
    pub(super) background: Background,
    pub(super) prefetches: Prefetches<K>,
    /// Memory holds it too, where it is on, to tell it of what leaves.
    pub(super) ahead: Arc<Ahead<K>>,
    /// The disk tier; memory holds it too, which tells it of what leaves.
    pub(super) disk: Option<Arc<OnDisk<K, V>>>,
    pub(super) store: Arc<dyn ErasedStore<K, V>>,
    /// In write-behind.
    pub(super) behind: Option<WriteBehind<K, V>>,
    pub(super) through: ThroughPath<K>,
    pub(super) timer: Timer,
    pub(super) pool: Arc<Pool>,
    pub(super) gate: Gate,
    /// The last stamp given. AcqRel: who takes a larger stamp sees what was done before a smaller
    /// one was taken, so a load that is not older than an invalidation reads what that was told of.
    pub(super) stamp: Arc<AtomicU64>,
    pub(super) counters: Counters,
    pub(super) events: Arc<Broadcast<K>>,
    pub(super) observer: Observer,
}

impl<K, V> Shared<K, V> {
    pub(super) fn next_stamp(&self) -> u64 {
        self.stamp.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The largest stamp given so far.
    pub(super) fn last_stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// What was acknowledged for a key and is not in the store yet: a value or an absence. Who is
    /// about to ask the store asks here first, after it has joined the load of the key.
    pub(super) fn unapplied(&self, hash: u64, key: &K) -> Option<Option<V>>
    where
        K: Eq,
        V: Clone,
    {
        self.behind.as_ref()?.unapplied(hash, key)
    }

    /// A change of a key of this stamp begins: until what this returns is dropped, and from then on, the disk tier answers
    /// with nothing older. Called before the change is brought to anybody, and dropped once memory shows it or has let go of
    /// the key.
    ///
    /// # Errors
    ///
    /// The disk tier can not promise that for a restart: the change must not be made.
    pub(super) fn change_on_disk(&self, key: &K, stamp: u64) -> Result<Option<Changing>, StoreError>
    where
        K: Hash + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let change = |disk: &Arc<OnDisk<K, V>>| disk.change(key, stamp);
        self.disk.as_ref().map(change).transpose()
    }

    /// What memory is to keep of an answer or a value written, and how long.
    pub(super) fn keep(&self, value: Option<V>, life: Life, stamp: u64) -> (Kept<V>, Keep) {
        Kept::new(&self.terms, value, life, stamp, || self.clock.now())
    }
}
