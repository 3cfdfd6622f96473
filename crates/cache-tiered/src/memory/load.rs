//! Look-ups that load what is missing: one load for all who miss at once.

use super::MemoryCache;
use super::flight::{Asked, Ending};
use super::iter::Iter;
use super::lead::{Joined, Keep};
use cache_policies::Policy;
use std::convert::Infallible;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

impl<K: Hash + Eq + Clone, V: Clone, P: Policy> MemoryCache<K, V, P> {
    /// The value of a key; if there is none, that of the closure, which is inserted.
    ///
    /// Of any number of threads that miss at once, one runs its closure and the others wait for
    /// it. Should the closure panic, the panic reaches its own caller and one of those who waited
    /// runs its closure instead. If the key is inserted or removed meanwhile, that wins: the
    /// closure's value answers those who asked and is not kept.
    ///
    /// The closure runs without a lock. It must not ask the cache for its own key this way, which
    /// would wait for itself.
    pub fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> V {
        match self.try_get_or_insert_with(key, || Ok::<V, Infallible>(value())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// [`get_or_insert_with`](Self::get_or_insert_with) for a closure that may fail.
    ///
    /// # Errors
    ///
    /// That of the caller's own closure. Nothing is cached then, and one of those who waited runs
    /// its closure instead.
    pub fn try_get_or_insert_with<E>(
        &self,
        key: K,
        value: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let core = self.core();
        let hash = core.hash(&key);
        if let Some(value) = core.get(hash, &key) {
            return Ok(value);
        }
        loop {
            match core.join(hash, &key, Asked::Loader) {
                Joined::Resident(value) => return Ok(value),
                Joined::Waiting { load, .. } => {
                    if let Ending::Answered(Ok(value)) = load.wait_for_ending() {
                        return Ok(value);
                    }
                }
                Joined::Leading(lead) => {
                    let value = value()?;
                    lead.land(Ok(value.clone()), Keep::Default);
                    return Ok(value);
                }
            }
        }
    }

    /// [`get_or_insert_with`](Self::get_or_insert_with) for tasks of any async runtime: the value of a key; if there is
    /// none, that of the future, which is inserted.
    ///
    /// Of any number of tasks and threads that miss at once, one awaits its future; those who wait hold no thread. Should
    /// the one who leads be cancelled (dropped before its end) or panic, one of those who waited takes over with its own
    /// future. A future that is not needed is dropped without having been polled.
    ///
    /// ```
    /// use cache_tiered::MemoryCache;
    ///
    /// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(10).build()?;
    /// # fn block_on<T>(future: impl Future<Output = T>) -> T {
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     match std::pin::pin!(future).poll(&mut context) {
    /// #         std::task::Poll::Ready(value) => value,
    /// #         std::task::Poll::Pending => unreachable!("nobody else is there to wait for"),
    /// #     }
    /// # }
    /// let value = block_on(cache.get_or_insert_with_async(1, async { 10 }));
    /// assert_eq!((value, cache.get(&1)), (10, Some(10)));
    /// # Ok::<(), cache_tiered::BuildError>(())
    /// ```
    pub async fn get_or_insert_with_async(&self, key: K, value: impl Future<Output = V>) -> V {
        let value = async { Ok::<V, Infallible>(value.await) };
        match self.try_get_or_insert_with_async(key, value).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// [`get_or_insert_with_async`](Self::get_or_insert_with_async) for a future that may fail.
    ///
    /// # Errors
    ///
    /// That of the caller's own future. Nothing is cached then, and one of those who waited awaits its future instead.
    pub async fn try_get_or_insert_with_async<E>(
        &self,
        key: K,
        value: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let core = self.core();
        let hash = core.hash(&key);
        if let Some(value) = core.get(hash, &key) {
            return Ok(value);
        }
        loop {
            match core.join(hash, &key, Asked::Loader) {
                Joined::Resident(value) => return Ok(value),
                Joined::Waiting { load, .. } => {
                    if let Ending::Answered(Ok(value)) = load.ending().await {
                        return Ok(value);
                    }
                }
                Joined::Leading(lead) => {
                    let value = value.await?;
                    lead.land(Ok(value.clone()), Keep::Default);
                    return Ok(value);
                }
            }
        }
    }

    /// All entries, as clones, one shard after the other. Each shard is as it was at one instant;
    /// neither a hit nor a miss. O(entries).
    pub fn iter(&self) -> Iter<K, V, P> {
        Iter::new(Arc::clone(self.core()))
    }

    /// Calls `visit` with each entry, as [`iter`](Self::iter) yields them, without a lock.
    pub fn for_each(&self, mut visit: impl FnMut(K, V)) {
        self.iter().for_each(|(key, value)| visit(key, value));
    }
}

impl<K: Hash + Eq + Clone, V: Clone, P: Policy> IntoIterator for &MemoryCache<K, V, P> {
    type Item = (K, V);
    type IntoIter = Iter<K, V, P>;

    fn into_iter(self) -> Iter<K, V, P> {
        self.iter()
    }
}
