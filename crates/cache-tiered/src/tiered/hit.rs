//! What a read found, and where.

use super::Shared;
use super::kept::{Kept, Worth};
use crate::tag::Tag;
use std::hash::Hash;
use std::time::Duration;

/// Where a value was found, the nearest first.
///
/// ```
/// use cache_tiered::Tier;
///
/// assert!(Tier::Memory < Tier::Disk && Tier::Disk < Tier::Store);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tier {
    /// The memory tier.
    Memory,
    /// What was acknowledged by write-behind and is not in the store yet.
    Dirty,
    /// The disk tier.
    Disk,
    /// The store behind the tiers.
    Store,
    /// A loader that a caller brought.
    Loader,
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl Tier {
    /// The name that metrics and traces have for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Dirty => "dirty",
            Self::Store => "store",
            Self::Loader => "loader",
        }
    }
}

/// A value, and where it was found.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.put(1, 10).wait()?;
/// let hit = cache.get(&1).wait()?.expect("it was put");
/// assert_eq!((hit.value, hit.tier), (10, Tier::Memory));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit<V> {
    /// The value.
    pub value: V,
    /// Where it was.
    pub tier: Tier,
    /// How long ago it came, in whole milliseconds of the cache's clock; nothing for a value whose
    /// life has no limit, as no clock is read for it. Zero where it has just been loaded.
    pub age: Option<Duration>,
    /// It is past its time to live, and answers because its [`Life`](crate::Life) or the memory
    /// tier allows that for a while.
    pub stale: bool,
}

impl<V> Hit<V> {
    /// What an entry of the memory tier answers.
    pub(super) fn resident(kept: &Kept<V>, age: Option<u64>, stale: bool) -> Option<Self>
    where
        V: Clone,
    {
        kept.value().map(|value| Self {
            value: value.clone(),
            tier: Tier::Memory,
            age: age.map(Duration::from_millis),
            stale,
        })
    }

    /// What a load answers.
    pub(super) fn loaded(kept: Kept<V>, tier: Tier) -> Option<Self> {
        Self::fresh(kept.into_value(), tier)
    }

    /// What has just come from a tier.
    pub(super) fn fresh(value: Option<V>, tier: Tier) -> Option<Self> {
        value.map(|value| Self {
            value,
            tier,
            age: Some(Duration::ZERO),
            stale: false,
        })
    }
}

/// What an entry of a tier is worth.
///
/// ```
/// use cache_tiered::{InMemory, Life, MemoryTier, Standing, Tiered};
/// use std::time::Duration;
///
/// let cache: Tiered<u8, u8> = Tiered::builder()
///     .memory(MemoryTier::entries(10))
///     .store(InMemory::new())
///     .build()?;
/// cache.put_with(1, 10, Life::DEFAULT.tag("tens")).wait()?;
/// assert_eq!(cache.explain(&1).standing, Some(Standing::Fresh));
/// cache.invalidate_tag("tens");
/// assert_eq!(cache.explain(&1).standing, Some(Standing::Invalidated));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It answers.
    Fresh,
    /// It answers, and the next hit starts a load in the background.
    Due,
    /// It is past its time to live and answers nevertheless, marked as stale.
    Stale,
    /// It is past its time to live and answers only if the source fails.
    Fallback,
    /// It answers nobody: it was invalidated by a tag or together with everything.
    Invalidated,
}

/// Where a key is and what is under way for it; from [`Tiered::explain`](crate::Tiered::explain).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.put(1, 10).wait()?;
/// let explanation = cache.explain(&1);
/// assert!(explanation.in_memory && !explanation.absent);
/// assert!(!explanation.loading && !explanation.mutating);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The memory tier holds it, or holds that the store has none.
    pub in_memory: bool,
    /// The disk tier has an entry that may be of it: nothing is read to find out.
    pub on_disk: bool,
    /// What the memory tier holds is that there is no value.
    pub absent: bool,
    /// What that entry is worth; none if there is no entry.
    pub standing: Option<Standing>,
    /// How long ago it came; none if there is no entry, or time has no effect on it.
    pub age: Option<Duration>,
    /// How long it will still be fresh; none if there is no entry, or it stays so.
    pub fresh_for: Option<Duration>,
    /// The tags it can be invalidated by.
    pub tags: Vec<Tag>,
    /// A load is under way that later reads would join.
    pub loading: bool,
    /// A put or a removal is under way.
    pub mutating: bool,
    /// The latest change was acknowledged by write-behind and is not in the store yet.
    pub dirty: bool,
}

impl<K: Hash + Eq + 'static, V: 'static> Shared<K, V> {
    pub(super) fn explain(&self, key: &K) -> Explanation {
        let core = self.memory.core();
        let hash = core.hash(key);
        let (_, loading, mutating) = core.explain(hash, key);
        let under_way = Explanation {
            loading,
            mutating,
            dirty: (self.behind.as_ref()).is_some_and(|behind| behind.is_unapplied(hash, key)),
            on_disk: (self.disk.as_ref()).is_some_and(|disk| disk.has(key)),
            ..Explanation::default()
        };
        let held = core.peek(hash, key, |kept| self.explain_entry(kept));
        let Some(held) = held.filter(|held| held.in_memory) else {
            return under_way;
        };
        Explanation {
            loading,
            mutating,
            dirty: under_way.dirty,
            on_disk: under_way.on_disk,
            ..held
        }
    }

    fn explain_entry(&self, kept: &Kept<V>) -> Explanation {
        let now = if kept.is_timed() { self.clock.now() } else { 0 };
        let standing = match kept.worth(&self.terms, now) {
            _ if self.floors.cover(kept.stamp(), kept.tags()) => Some(Standing::Invalidated),
            Worth::Fresh => Some(Standing::Fresh),
            Worth::Due => Some(Standing::Due),
            Worth::Stale => Some(Standing::Stale),
            Worth::Fallback => Some(Standing::Fallback),
            Worth::Nothing => None,
        };
        Explanation {
            in_memory: standing.is_some(),
            absent: kept.value().is_none(),
            standing,
            age: kept.age(now).map(Duration::from_millis),
            fresh_for: kept.fresh_for(&self.terms, now).map(Duration::from_millis),
            tags: kept.tags().to_vec(),
            loading: false,
            mutating: false,
            dirty: false,
            on_disk: false,
        }
    }
}
