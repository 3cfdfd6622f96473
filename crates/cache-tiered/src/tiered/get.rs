//! Reads of one key: what memory answers at once, and else how it is loaded.

use super::read::{self, Duty, Seen};
use super::{Hit, Shared, Tier, Tiered, refresh};
use crate::error::LoadError;
use crate::events::Event;
use crate::memory::Asked;
use crate::operation::Operation;
use crate::source::Loaded;
use std::error::Error;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The value of a key: from memory, else from the store, which the memory tier then keeps.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the store failed; nothing is kept of that.
    pub fn get(&self, key: &K) -> Operation<Result<Option<Hit<V>>, LoadError>> {
        let (hash, seen) = match self.look(key, true) {
            Ok(looked) => looked,
            Err(closed) => return Operation::ready(Err(closed)),
        };
        match seen {
            Seen::Answer(hit) => Operation::ready(Ok(hit)),
            Seen::Due(hit, duty) => {
                self.attend(hash, key, duty);
                Operation::ready(Ok(hit))
            }
            Seen::Nothing => {
                self.missed(key);
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                let call = read::through(shared, hash, key);
                if self.shared.disk.is_some() {
                    // What the system has of the disk's bytes in memory needs no other thread.
                    Operation::placed(&self.shared.pool, call)
                } else {
                    Operation::cold(&self.shared.pool, call)
                }
            }
        }
    }

    /// Does what a hit has found to be done.
    #[cold]
    pub(super) fn attend(&self, hash: u64, key: &K, duty: Duty) {
        let load = |shared: Arc<Shared<K, V>>, key| async move { read::ask(&shared, &key).await };
        match duty {
            Duty::Renew(stamp) => {
                refresh::refresh(&self.shared, hash, key, stamp, Asked::Store, load);
            }
            Duty::Tell(mark) => self.hit_ahead(key, mark),
        }
    }

    /// The value of a key if a tier holds it; the store is not asked.
    ///
    /// # Errors
    ///
    /// [`LoadError::Closed`].
    pub fn get_cached(&self, key: &K) -> Operation<Result<Option<Hit<V>>, LoadError>> {
        let (hash, seen) = match self.look(key, false) {
            Ok(looked) => looked,
            Err(closed) => return Operation::ready(Err(closed)),
        };
        if let Seen::Due(_, Duty::Tell(mark)) = seen {
            self.hit_ahead(key, mark);
        }
        if let Some(answer) = seen.answer() {
            return Operation::ready(Ok(answer));
        }
        if self.shared.disk.is_none() {
            let dirty = self.shared.unapplied(hash, key);
            return Operation::ready(Ok(dirty.and_then(|value| Hit::fresh(value, Tier::Dirty))));
        }
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        Operation::cold(&self.shared.pool, async move {
            Ok(read::cached(&shared, hash, &key))
        })
    }

    /// The value of a key: from memory, else from `loader` in place of the store. The memory tier
    /// keeps it as long as the loader says; the store is neither asked nor written.
    ///
    /// Concurrent misses share one loader, as those of [`get`](Self::get) share one load. The
    /// loader may block; it must not ask the cache for its own key, which would wait for itself. It runs
    /// on the waiting thread or one of the cache's, not on the runtime that awaits: what needs a runtime
    /// (a tokio timer or socket) has to be spawned there, and its handle awaited.
    ///
    /// # Errors
    ///
    /// [`LoadError::Loader`] with the loader's error, for everybody who waited; nothing is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_tiered::{InMemory, Life, Loaded, MemoryTier, Tiered};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// let square = cache.get_or_load(&12, |key| async move {
    ///     Ok::<_, Infallible>(Loaded::Value(key * key, Life::FOREVER.ttl(Duration::from_secs(1))))
    /// });
    /// assert_eq!(square.wait()?.map(|hit| hit.value), Some(144));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_load<F, A, E>(
        &self,
        key: &K,
        loader: F,
    ) -> Operation<Result<Option<Hit<V>>, LoadError>>
    where
        F: FnOnce(K) -> A + Send + 'static,
        A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        let (hash, seen) = match self.look(key, true) {
            Ok(looked) => looked,
            Err(closed) => return Operation::ready(Err(closed)),
        };
        match seen {
            Seen::Answer(hit) => Operation::ready(Ok(hit)),
            Seen::Due(hit, Duty::Tell(mark)) => {
                self.hit_ahead(key, mark);
                Operation::ready(Ok(hit))
            }
            Seen::Due(hit, Duty::Renew(stamp)) => {
                let load = |_, key| read::from_loader(loader, key);
                refresh::refresh(&self.shared, hash, key, stamp, Asked::Loader, load);
                Operation::ready(Ok(hit))
            }
            Seen::Nothing => {
                let (shared, key) = (Arc::clone(&self.shared), key.clone());
                Operation::cold(&self.shared.pool, read::beside(shared, hash, key, loader))
            }
        }
    }

    /// What the memory tier has for a key, and the hash of the key.
    #[inline]
    pub(super) fn look(&self, key: &K, claims: bool) -> Result<(u64, Seen<V>), LoadError> {
        if self.shared.gate.is_closed() {
            return Err(LoadError::Closed);
        }
        let core = self.shared.memory.core();
        let hash = core.hash(key);
        let seen = core.read(hash, key, |kept| self.shared.see(kept, claims));
        let seen = seen.unwrap_or(Seen::Nothing);
        if seen.is_stale() {
            let event = || Event::StaleServed { key: key.clone() };
            self.shared.events.emit(event);
        }
        Ok((hash, seen))
    }
}
