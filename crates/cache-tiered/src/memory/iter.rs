//! The iterator over a memory tier.

use super::shards::Core;
use cache_policies::{AnyPolicy, Policy};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// All entries of a [`MemoryCache`](crate::MemoryCache) as clones; see
/// [`MemoryCache::iter`](crate::MemoryCache::iter).
///
/// ```
/// use cache_tiered::MemoryCache;
///
/// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(10).build()?;
/// cache.insert(1, 10);
/// cache.insert(2, 20);
/// assert_eq!(cache.iter().map(|(_, value)| value).sum::<u8>(), 30);
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
pub struct Iter<K, V, P: Policy = AnyPolicy> {
    core: Arc<Core<K, V, P>>,
    /// The next shard to look into.
    shard: usize,
    /// What is left of the last one.
    entries: std::vec::IntoIter<(K, V)>,
}

impl<K, V, P: Policy> Iter<K, V, P> {
    pub(super) fn new(core: Arc<Core<K, V, P>>) -> Self {
        Self {
            core,
            shard: 0,
            entries: Vec::new().into_iter(),
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone, P: Policy> Iterator for Iter<K, V, P> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(entry);
            }
            self.entries = self.core.snapshot(self.shard)?.into_iter();
            self.shard += 1;
        }
    }
}

impl<K, V, P: Policy> fmt::Debug for Iter<K, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("shard", &self.shard)
            .finish_non_exhaustive()
    }
}
