//! Reads: what the memory tier answers, and how a miss goes on.

use super::Shared;
use super::disk::OnDisk;
use super::hit::{Hit, Tier};
use super::kept::{Kept, Mark, Worth};
use crate::error::{LoadError, StoreError};
use crate::events::Event;
use crate::memory::{Asked, Ending, Install, Joined, Keep, Lead};
use crate::observe::LoadEnd;
use crate::operation::Placed;
use crate::source::Loaded;
use std::error::Error;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

pub(super) type Answer<V> = Result<Option<Hit<V>>, LoadError>;

/// What a look at the memory tier found.
pub(super) enum Seen<V> {
    /// An answer.
    Answer(Option<Hit<V>>),
    /// An answer, and something to be done.
    Due(Option<Hit<V>>, Duty),
    /// Nothing that may answer.
    Nothing,
}

/// What is to be done by whoever was the first to find an entry like this.
#[derive(Clone, Copy, Debug)]
pub(super) enum Duty {
    /// A new value in place of that of this stamp.
    Renew(u64),
    /// Reading ahead is to hear of it.
    Tell(Mark),
}

impl<V> Seen<V> {
    #[inline]
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::Answer(hit) | Self::Due(hit, _) => hit.as_ref().is_some_and(|hit| hit.stale),
            Self::Nothing => false,
        }
    }

    /// The answer, if there is one; whoever finds a new one due sees to it at another time.
    pub(super) fn answer(self) -> Option<Option<Hit<V>>> {
        match self {
            Self::Answer(hit) | Self::Due(hit, _) => Some(hit),
            Self::Nothing => None,
        }
    }
}

impl<K, V: Clone> Shared<K, V> {
    /// What an entry answers. `claims` says whether the caller would see to a new one.
    #[inline]
    pub(super) fn see(&self, kept: &Kept<V>, claims: bool) -> Seen<V> {
        if self.floors.cover(kept.stamp(), kept.tags()) {
            self.counters.overruled.add();
            return Seen::Nothing;
        }
        if kept.is_plain() {
            return Seen::Answer(Hit::resident(kept, None, false));
        }
        self.see_closely(kept, claims)
    }

    #[inline(never)]
    fn see_closely(&self, kept: &Kept<V>, claims: bool) -> Seen<V> {
        if !kept.is_timed() {
            return Self::first(kept, Hit::resident(kept, None, false));
        }
        let now = self.clock.now();
        let worth = kept.worth(&self.terms, now);
        let (stale, due) = match worth {
            Worth::Fresh => (false, false),
            Worth::Due => (false, !kept.is_resting(now)),
            Worth::Stale => (true, !kept.is_resting(now)),
            // A source that failed a moment ago is not asked again before its time.
            Worth::Fallback if kept.is_resting(now) => (true, false),
            Worth::Fallback | Worth::Nothing => return Seen::Nothing,
        };
        if stale {
            self.counters.stale.add();
        }
        let hit = Hit::resident(kept, kept.age(now), stale);
        if due && claims && self.background.has_room() && kept.claim() {
            return Seen::Due(hit, Duty::Renew(kept.stamp()));
        }
        Self::first(kept, hit)
    }

    fn first(kept: &Kept<V>, hit: Option<Hit<V>>) -> Seen<V> {
        match kept.take_mark() {
            Some(mark) => Seen::Due(hit, Duty::Tell(mark)),
            None => Seen::Answer(hit),
        }
    }

    /// Whether an entry answers a get, without claiming or counting anything.
    pub(super) fn serves(&self, kept: &Kept<V>) -> bool {
        if self.floors.cover(kept.stamp(), kept.tags()) {
            return false;
        }
        if !kept.is_timed() {
            return true;
        }
        let now = self.clock.now();
        match kept.worth(&self.terms, now) {
            Worth::Fresh | Worth::Due | Worth::Stale => true,
            Worth::Fallback => kept.is_resting(now),
            Worth::Nothing => false,
        }
    }
}

impl<K, V> Shared<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What the disk tier has for a key that somebody leads a load of, if that can be had without waiting, and memory
    /// have it too where it is to.
    fn below_at_once(&self, disk: &OnDisk<K, V>, hash: u64, key: &K) -> Option<Below<V>> {
        if self.unapplied(hash, key).is_some() {
            return None;
        }
        let found = disk.find_at_once(key)?;
        Some(Below {
            loaded: Loaded::Value(found.value, found.life),
            stamp: found.stamp,
            tier: Tier::Disk,
            installs: found.promoted,
        })
    }

    /// What a tier below memory has for a key that somebody leads a load of, which began at `stamp`. `promotes` says
    /// that memory is to have what the disk tier has in any case.
    pub(super) fn below_memory(
        &self,
        (hash, key): (u64, &K),
        stamp: u64,
        promotes: bool,
    ) -> Option<Below<V>> {
        if let Some(value) = self.unapplied(hash, key) {
            return Some(Below {
                loaded: value.into(),
                stamp,
                tier: Tier::Dirty,
                installs: true,
            });
        }
        let found = self.disk.as_ref()?.find(key)?;
        Some(Below {
            loaded: Loaded::Value(found.value, found.life),
            stamp: found.stamp,
            tier: Tier::Disk,
            installs: promotes || found.promoted,
        })
    }
}

/// What a tier below memory has.
pub(super) struct Below<V> {
    loaded: Loaded<V>,
    stamp: u64,
    tier: Tier,
    /// Memory is to have it.
    installs: bool,
}

impl<V: Clone> Below<V> {
    /// Ends the load of its key.
    pub(super) fn land<K>(
        self,
        shared: &Shared<K, V>,
        lead: Lead<K, Kept<V>>,
        hash: u64,
        prefetches: bool,
    ) -> Answer<V>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        let leading = Leading {
            lead,
            hash,
            stamp: self.stamp,
            tier: self.tier,
            background: prefetches,
            prefetches,
            installs: self.installs,
        };
        leading.land(shared, Ok(self.loaded))
    }
}

/// Asks the store for one key.
pub(super) async fn ask<K, V>(shared: &Shared<K, V>, key: &K) -> Result<Loaded<V>, LoadError>
where
    K: Hash + Eq + 'static,
    V: Clone + 'static,
{
    let hash = shared.memory.core().hash(key);
    if let Some(value) = shared.unapplied(hash, key) {
        return Ok(value.into());
    }
    let load = shared.store.load(key);
    let loaded = shared.observer.asking("load", 1, load).await;
    loaded.map_err(LoadError::Store)
}

/// The value of a key by who knows it for certain: nothing that is stale answers. For a caller who
/// has the key, so that nobody changes it meanwhile; nothing is kept of it.
pub(super) async fn current<K, V>(shared: Arc<Shared<K, V>>, hash: u64, key: K) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let seen = (shared.memory.core()).peek(hash, &key, |kept| shared.see(kept, false).answer());
    match seen.flatten() {
        Some(hit) if hit.as_ref().is_some_and(|hit| !hit.stale) => Ok(hit),
        _ => {
            let stamp = shared.next_stamp();
            if let Some(below) = shared.below_memory((hash, &key), stamp, false) {
                return Ok(Hit::fresh(below.loaded.into_value(), below.tier));
            }
            let value = ask(&shared, &key).await?.into_value();
            Ok(Hit::fresh(value, Tier::Store))
        }
    }
}

/// What the tiers below memory have for a key; memory gets nothing of it.
pub(super) fn cached<K, V>(shared: &Shared<K, V>, hash: u64, key: &K) -> Option<Hit<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let below = shared.below_memory((hash, key), shared.next_stamp(), false)?;
    Hit::fresh(below.loaded.into_value(), below.tier)
}

/// Reads through to the store. Where there is a disk tier it does nothing by its first poll that waits: it awaits
/// [`Placed`] before.
pub(super) async fn through<K, V>(shared: Arc<Shared<K, V>>, hash: u64, key: K) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    match board(&shared, hash, &key, Asked::Store).await {
        Boarding::Answered(answer) => answer,
        Boarding::Leading(lead) => {
            let stamp = shared.next_stamp();
            if let Some(disk) = &shared.disk {
                if let Some(below) = shared.below_at_once(disk, hash, lead.key()) {
                    return below.land(&shared, lead, hash, false);
                }
                Placed::default().await;
            }
            if let Some(below) = shared.below_memory((hash, lead.key()), stamp, false) {
                return below.land(&shared, lead, hash, false);
            }
            let loaded = ask(&shared, lead.key()).await;
            land(&shared, lead, hash, stamp, loaded, Tier::Store)
        }
    }
}

/// Reads from a loader that the caller brought.
pub(super) async fn beside<K, V, F, A, E>(
    shared: Arc<Shared<K, V>>,
    hash: u64,
    key: K,
    loader: F,
) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: FnOnce(K) -> A + Send + 'static,
    A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    match board(&shared, hash, &key, Asked::Loader).await {
        Boarding::Answered(answer) => answer,
        Boarding::Leading(lead) => {
            let stamp = shared.next_stamp();
            if let Some(below) = shared.below_memory((hash, lead.key()), stamp, false) {
                return below.land(&shared, lead, hash, false);
            }
            let loaded = from_loader(loader, key).await;
            land(&shared, lead, hash, stamp, loaded, Tier::Loader)
        }
    }
}

/// What a loader says, its error wrapped.
pub(super) async fn from_loader<K, V, F, A, E>(loader: F, key: K) -> Result<Loaded<V>, LoadError>
where
    F: FnOnce(K) -> A,
    A: Future<Output = Result<Loaded<V>, E>>,
    E: Error + Send + Sync + 'static,
{
    let loaded = loader(key).await;
    loaded.map_err(|error| LoadError::Loader(StoreError::new(error)))
}

/// How a miss went on: somebody had the answer, or this caller is to load.
enum Boarding<K: Hash + Eq, V: Clone> {
    Answered(Answer<V>),
    Leading(Lead<K, Kept<V>>),
}

/// Takes part in a load of the key that asks the same, or becomes the one to load.
async fn board<K, V>(shared: &Shared<K, V>, hash: u64, key: &K, asked: Asked) -> Boarding<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    let tier = match asked {
        Asked::Store => Tier::Store,
        Asked::Loader => Tier::Loader,
    };
    let started = shared.last_stamp();
    loop {
        let serves = |kept: &Kept<V>| shared.serves(kept);
        match (shared.memory.core()).join_unless(hash, key, asked, serves) {
            Joined::Resident(kept) => {
                if let Some(hit) = shared.see(&kept, false).answer() {
                    return Boarding::Answered(Ok(hit));
                }
            }
            Joined::Leading(lead) => return Boarding::Leading(lead),
            Joined::Waiting { load, same } => {
                let ending = load.ending().await;
                let waited = waited(shared, hash, key, ending, same, started, tier);
                if let Waited::Answered(answer) = waited {
                    return Boarding::Answered(answer);
                }
            }
        }
    }
}

/// What waiting for the load of another brought.
pub(super) enum Waited<V> {
    Answered(Answer<V>),
    /// Nothing for this caller.
    InVain,
}

/// What the end of a load is to a get that waited for it and began when `started` was the last
/// stamp.
pub(super) fn waited<K: Hash + Eq + Clone, V: Clone>(
    shared: &Shared<K, V>,
    hash: u64,
    key: &K,
    ending: Ending<Kept<V>>,
    same: bool,
    started: u64,
    tier: Tier,
) -> Waited<V> {
    match ending {
        // A load that asked somebody else has left its value in memory, or it has not and this
        // caller asks whom it wanted to ask. An abandoned one is led anew.
        _ if !same => Waited::InVain,
        Ending::Answered(Ok(kept)) if shared.answers(&kept, started) => {
            shared.counters.joined.add();
            Waited::Answered(Ok(Hit::loaded(kept, tier)))
        }
        Ending::Answered(Err(error)) => {
            shared.counters.joined.add();
            Waited::Answered(excuse(shared, hash, key, error))
        }
        Ending::Answered(Ok(_)) | Ending::Abandoned => Waited::InVain,
    }
}

impl<K, V> Shared<K, V> {
    /// Whether the answer of a load may be that of a get which joined it, and began when `started`
    /// was the last stamp: not if it began before an invalidation that the get began after. One
    /// that began after the get always may, so that a get waits for two loads at most.
    fn answers(&self, kept: &Kept<V>, started: u64) -> bool {
        kept.stamp() > started || !self.floors.cover(kept.stamp(), kept.tags())
    }
}

impl<K, V> Shared<K, V> {
    /// A prefetch has ended; whether memory is to mark what it brings.
    fn ends_prefetch(&self, key: &K, loaded: &Result<Loaded<V>, LoadError>) -> bool {
        if let Ok(Loaded::Value(..)) = loaded {
            return self.ahead.has_come(key);
        }
        self.ahead.comes_not(key);
        false
    }
}

impl<K: Clone, V> Shared<K, V> {
    /// Counts a load and tells of it, once it has ended.
    fn load_ended(
        &self,
        key: &K,
        loaded: &Result<Loaded<V>, LoadError>,
        tier: Tier,
        background: bool,
        nanoseconds: u64,
    ) {
        self.counters.load_ended(loaded, tier);
        let found = loaded.as_ref();
        self.observer.load_ended(&LoadEnd {
            tier,
            found: found.map(|loaded| matches!(loaded, Loaded::Value(..))),
            background,
            nanoseconds,
        });
        self.events.emit(|| match loaded {
            Ok(loaded) => Event::Loaded {
                key: key.clone(),
                tier,
                found: matches!(loaded, Loaded::Value(..)),
                background,
            },
            Err(error) => Event::LoadFailed {
                key: key.clone(),
                error: error.clone(),
                background,
            },
        });
    }
}

/// After a load failed: the old value, where it was kept for this, or else the error.
pub(super) fn excuse<K, V>(shared: &Shared<K, V>, hash: u64, key: &K, error: LoadError) -> Answer<V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    let old = shared.memory.core().peek(hash, key, |kept| {
        if shared.floors.cover(kept.stamp(), kept.tags()) {
            return None;
        }
        if !kept.is_timed() {
            return Some(Hit::resident(kept, None, false));
        }
        let now = shared.clock.now();
        let stale = !matches!(kept.worth(&shared.terms, now), Worth::Fresh | Worth::Due);
        let excuses = kept.excuses(&shared.terms, now);
        excuses.then(|| Hit::resident(kept, kept.age(now), stale))
    });
    let Some(answer) = old.flatten() else {
        return Err(error);
    };
    if answer.as_ref().is_some_and(|hit| hit.stale) {
        shared.counters.stale.add();
        let event = || Event::StaleServed { key: key.clone() };
        shared.events.emit(event);
    }
    Ok(answer)
}

/// A load that somebody leads.
pub(super) struct Leading<K: Hash + Eq, V: Clone> {
    pub(super) lead: Lead<K, Kept<V>>,
    pub(super) hash: u64,
    /// Taken when it began.
    pub(super) stamp: u64,
    /// Whom it asks.
    pub(super) tier: Tier,
    /// Nobody waits for it.
    pub(super) background: bool,
    /// It is for those who may ask later.
    pub(super) prefetches: bool,
    /// Memory is to have what it brings.
    pub(super) installs: bool,
}

/// Ends a load for which somebody waits; see [`Leading::land`].
pub(super) fn land<K, V>(
    shared: &Shared<K, V>,
    lead: Lead<K, Kept<V>>,
    hash: u64,
    stamp: u64,
    loaded: Result<Loaded<V>, LoadError>,
    tier: Tier,
) -> Answer<V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let leading = Leading {
        lead,
        hash,
        stamp,
        tier,
        background: false,
        prefetches: false,
        installs: true,
    };
    leading.land(shared, loaded)
}

impl<K, V> Leading<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Ends the load: memory keeps what may be kept, and everybody who joined gets the answer.
    pub(super) fn land(
        self,
        shared: &Shared<K, V>,
        loaded: Result<Loaded<V>, LoadError>,
    ) -> Answer<V> {
        let Self {
            lead,
            hash,
            stamp,
            tier,
            background,
            prefetches,
            installs,
        } = self;
        shared.load_ended(lead.key(), &loaded, tier, background, lead.took());
        let marks = prefetches && shared.ends_prefetch(lead.key(), &loaded);
        match loaded {
            Ok(loaded) => {
                let (value, life) = loaded.into_parts();
                let (kept, keep) = shared.keep(value, life, stamp);
                // What comes from beyond the tiers may differ from what the disk has.
                let changing = match tier {
                    Tier::Store | Tier::Loader => shared.change_on_disk(lead.key(), stamp),
                    Tier::Memory | Tier::Dirty | Tier::Disk => Ok(None),
                };
                let install = match keep {
                    Keep::No => Install::Remove,
                    _ if !installs || changing.is_err() => Install::Remove,
                    // A write that nobody waits for any more may change it at any time.
                    _ if shared.through.strays(lead.key()) => Install::Remove,
                    // It began before an invalidation: others would take it for a miss.
                    _ if shared.floors.cover(stamp, kept.tags()) => Install::Remove,
                    keep if marks => Install::Put(kept.clone().prefetched(), keep),
                    keep => Install::Put(kept.clone(), keep),
                };
                if !lead.end(Ok(kept.clone()), install) {
                    shared.counters.raced.add();
                }
                drop(changing);
                Ok(Hit::loaded(kept, tier))
            }
            Err(error) => {
                let key = lead.key().clone();
                let rested = shared.memory.core().peek(hash, &key, |kept| {
                    kept.is_timed()
                        .then(|| kept.after_failure(&shared.terms, shared.clock.now()))
                });
                let install = match rested.flatten().flatten() {
                    Some((kept, keep)) => Install::Put(kept, keep),
                    None => Install::Leave,
                };
                lead.end(Err(error.clone()), install);
                excuse(shared, hash, &key, error)
            }
        }
    }
}
