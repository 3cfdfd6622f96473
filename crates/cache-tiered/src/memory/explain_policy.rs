//! What the policies of a memory tier have found out.

use super::MemoryCache;
use super::shards::Core;
use cache_policies::{Insight, Policy};

/// What one of the policies of a [`MemoryCache`] tells of itself: each shard has one of its own, and with
/// [partitions](crate::MemoryCacheBuilder::partitions) each partition of each shard.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PolicyInsight {
    /// The shard, counted from 0.
    pub shard: usize,
    /// The partition, counted from 0; 0 without partitions.
    pub partition: usize,
    /// What its policy tells.
    pub insight: Insight,
}

impl<K, V, P: Policy> Core<K, V, P> {
    pub(crate) fn explain_policy(&self) -> Vec<PolicyInsight> {
        let mut insights = Vec::new();
        for (shard, locked) in self.shards().enumerate() {
            locked.state.explain_policy(|partition, insight| {
                insights.push(PolicyInsight {
                    shard,
                    partition,
                    insight,
                });
            });
        }
        insights
    }
}

impl<K, V, P: Policy> MemoryCache<K, V, P> {
    /// What the policies have found out about their requests, and do about it (see
    /// [`Policy::explain`](cache_policies::Policy::explain)); empty of a policy that does not adapt. Shards decide each by
    /// what they see, so adaptive policies may do one thing in one and another in the next. Hits that readers have noted and the
    /// policies have not heard of yet are not in it. O(shards x partitions), each shard locked in turn.
    ///
    /// ```
    /// use cache_tiered::{Insight, MemoryCache};
    ///
    /// let duel = "duel:start=m".parse()?;
    /// let cache: MemoryCache<u64, u64> = MemoryCache::builder().capacity(1_000).shards(1).policy(duel).build()?;
    /// let insights = cache.explain_policy();
    /// let Insight::Choice { name, chosen, of } = insights[0].insight else {
    ///     panic!("duel tells its mode first");
    /// };
    /// assert_eq!((insights[0].shard, name, of[chosen]), (0, "mode", "m"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain_policy(&self) -> Vec<PolicyInsight> {
        self.core.explain_policy()
    }
}
