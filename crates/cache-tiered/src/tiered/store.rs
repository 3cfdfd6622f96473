//! The store behind a cache, asked past the tiers.

use super::Shared;
use crate::error::StoreError;
use crate::operation::Operation;
use std::fmt;
use std::sync::Arc;

/// The store behind a [`Tiered`](crate::Tiered); from [`Tiered::store`](crate::Tiered::store).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::<u8, u8>::new()).build()?;
/// cache.put(1, 10).wait()?;
/// assert_eq!(cache.store().load(&1).wait()?, Some(10));
/// let store: &InMemory<u8, u8> = cache.store().downcast_ref().expect("its type");
/// assert_eq!(store.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StoreRef<'a, K, V> {
    shared: &'a Arc<Shared<K, V>>,
}

impl<'a, K, V> StoreRef<'a, K, V> {
    pub(super) const fn new(shared: &'a Arc<Shared<K, V>>) -> Self {
        Self { shared }
    }

    /// The store itself, if `S` is its type.
    ///
    /// What is written to it this way the tiers do not know of.
    #[must_use]
    pub fn downcast_ref<S: 'static>(&self) -> Option<&'a S>
    where
        K: 'static,
        V: 'static,
    {
        self.shared.store.as_any().downcast_ref()
    }

    /// Loads a key from the store; no tier is asked, none keeps the value.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub fn load(&self, key: &K) -> Operation<Result<Option<V>, StoreError>>
    where
        K: Clone + Send + Sync + 'static,
        V: Send + Sync + 'static,
    {
        let (shared, key) = (Arc::clone(self.shared), key.clone());
        Operation::cold(&self.shared.pool, async move {
            shared.store.load(&key).await.map(crate::Loaded::into_value)
        })
    }
}

impl<K, V> fmt::Debug for StoreRef<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreRef").finish_non_exhaustive()
    }
}
