//! What a read found, and where.

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
    /// The disk tier.
    Disk,
    /// The store behind the tiers.
    Store,
    /// A loader that a caller brought.
    Loader,
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
}

impl<V> Hit<V> {
    pub(super) fn from(value: Option<V>, tier: Tier) -> Option<Self> {
        value.map(|value| Self { value, tier })
    }
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
/// assert!(explanation.in_memory && !explanation.loading && !explanation.mutating);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The memory tier holds it, or holds that the store has none.
    pub in_memory: bool,
    /// A load is under way that later reads would join.
    pub loading: bool,
    /// A put or a removal is under way.
    pub mutating: bool,
}
