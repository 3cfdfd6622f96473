//! Dropping from the tiers what the store has.

use super::Tiered;
use crate::tag::Tag;
use std::hash::Hash;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Drops a key from all tiers, not from the store: the next get asks the store. True if a tier
    /// held it. Neither a load nor a put that is under way brings it back.
    pub fn invalidate(&self, key: &K) -> bool {
        let core = self.shared.memory.core();
        let on_disk = (self.shared.disk.as_ref()).is_some_and(|disk| disk.has(key));
        // Should the disk tier be unable to note it, it answers nothing any more.
        let changing = (self.shared).change_on_disk(key, self.shared.next_stamp());
        let in_memory = core.remove(core.hash(key), key).is_some();
        drop(changing);
        in_memory || on_disk
    }

    /// Drops all keys from all tiers. Once it has returned, no get answers with what was loaded or
    /// written before; loads that began before are not kept. O(entries); readers see no entry any
    /// more from its beginning on.
    pub fn invalidate_all(&self) {
        let stamp = self.shared.next_stamp();
        self.shared.floors.raise_all(stamp);
        if let Some(disk) = &self.shared.disk {
            disk.raise_all(stamp);
        }
        self.shared.memory.clear();
    }

    /// Makes everything with this tag old, in all tiers: once it has returned, no get answers with
    /// what of that was loaded or written before. A load that began before is not kept, and does
    /// not answer a get that began after. O(1), however many entries there are: they leave when
    /// they are met or evicted.
    ///
    /// What is remembered of tags takes 128 KiB, however many there are. The price: among many
    /// tags invalidated in short time, an entry of another tag now and then is loaded anew too
    /// (3 of 100 where 2,000 tags were invalidated within its life).
    ///
    /// ```
    /// use cache_tiered::{InMemory, Life, MemoryTier, Tier, Tiered};
    ///
    /// let cache: Tiered<u64, String> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// cache.put_with(1, "one".to_owned(), Life::DEFAULT.tag("small")).wait()?;
    /// cache.invalidate_tag("small");
    /// assert_eq!(cache.get(&1).wait()?.expect("it is in the store").tier, Tier::Store);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_tag(&self, tag: impl Into<Tag>) {
        let stamp = self.shared.next_stamp();
        let tag = tag.into();
        self.shared.floors.raise(&tag, stamp);
        if let Some(disk) = &self.shared.disk {
            disk.raise_tag(&tag, stamp);
        }
    }
}
