//! `compute`: a change of a key that depends on its value, atomic among the mutations of the key.

use super::ended::tell_ended;
use super::gate::Pass;
use super::{Shared, Tiered, read, through, write};
use crate::error::{BUSY, LoadError, PutError, RemoveError};
use crate::life::Life;
use crate::memory::Compute;
use crate::observe::{Verb, Watch};
use crate::operation::{Operation, Placed};
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Changes a key by its value, from a tier or else from the store; what it has then.
    ///
    /// Among the puts, removals and computations of the key in this cache it is one step: none
    /// comes between the look and the write, so a count that many raise this way is exact. The
    /// write itself is that of a [`put`](Self::put) or a [`remove`](Self::remove), with what they
    /// promise. What others write to the store it does not see, as long as a tier has the key.
    ///
    /// The closure runs without a lock, on the waiting thread or one of the cache's; should it
    /// panic, nothing has changed and the panic reaches the caller. It must not change its own
    /// key, which would wait for itself.
    ///
    /// # Errors
    ///
    /// [`ComputeError`] if the value could not be loaded, and then the closure has not run; or if
    /// the change could not be written.
    ///
    /// ```
    /// use cache_tiered::{Compute, InMemory, MemoryTier, Tiered};
    ///
    /// let cache: Tiered<&str, u32> = Tiered::builder()
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// let count = |former: Option<u32>| Compute::Put(former.unwrap_or(0) + 1);
    /// assert_eq!(cache.compute("visits", count).wait()?, Some(1));
    /// assert_eq!(cache.compute("visits", count).wait()?, Some(2));
    /// assert_eq!(cache.compute("visits", |_| Compute::Remove).wait()?, None);
    /// assert_eq!(cache.store().load(&"visits").wait()?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compute<F>(&self, key: K, compute: F) -> Operation<Result<Option<V>, ComputeError<V>>>
    where
        F: FnOnce(Option<V>) -> Compute<V> + Send + 'static,
    {
        if self.shared.store.is_read_only() {
            return Operation::ready(Err(ComputeError::ReadOnly));
        }
        let call = run(Arc::clone(&self.shared), key, compute);
        Operation::placed(&self.shared.pool, call)
    }
}

async fn run<K, V, F>(
    shared: Arc<Shared<K, V>>,
    key: K,
    compute: F,
) -> Result<Option<V>, ComputeError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: FnOnce(Option<V>) -> Compute<V> + Send + 'static,
{
    let watch = Watch::start();
    let call = run_in_turn(&shared, key, compute);
    let computed = shared.observer.within("compute", call).await;
    tell_ended(&shared, Verb::Compute, &computed, watch);
    computed
}

async fn run_in_turn<K, V, F>(
    shared: &Arc<Shared<K, V>>,
    key: K,
    compute: F,
) -> Result<Option<V>, ComputeError<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: FnOnce(Option<V>) -> Compute<V> + Send + 'static,
{
    let Some(_pass) = Pass::enter(shared) else {
        return Err(ComputeError::Closed);
    };
    let core = shared.memory.core();
    let hash = core.hash(&key);
    let ownership = core.enqueue(hash, &key);
    Placed::default().await;
    if !through::granted(shared, &key, &ownership).await {
        shared.counters.busy.add();
        return Err(ComputeError::Busy);
    }
    let former = match read::current(Arc::clone(shared), hash, key.clone()).await {
        Ok(hit) => hit.map(|hit| hit.value),
        Err(error) => {
            ownership.leave();
            return Err(ComputeError::Load(error));
        }
    };
    // Nothing of the cache is in an unfinished state while the closure runs.
    let computed = match catch_unwind(AssertUnwindSafe(|| compute(former.clone()))) {
        Ok(computed) => computed,
        Err(payload) => {
            ownership.leave();
            resume_unwind(payload)
        }
    };
    match computed {
        Compute::Put(value) => {
            let put = write::put_owned(shared, ownership, key, value.clone(), Life::DEFAULT);
            put.await.map_err(ComputeError::Put)?;
            Ok(Some(value))
        }
        Compute::Remove => {
            let removed = write::remove_owned(shared, ownership, key).await;
            removed.map_err(ComputeError::Remove)?;
            Ok(None)
        }
        Compute::Keep => {
            ownership.leave();
            Ok(former)
        }
    }
}

/// Why a key was not computed.
///
/// ```
/// use cache_tiered::{Compute, ComputeError, InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.close().wait()?;
/// let computed = cache.compute(1, |_| Compute::Put(10)).wait();
/// assert!(matches!(computed, Err(ComputeError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub enum ComputeError<V> {
    /// Its value could not be loaded; the closure has not run.
    Load(LoadError),
    /// What was computed could not be written.
    Put(PutError<V>),
    /// It could not be removed.
    Remove(RemoveError),
    /// An earlier write of the key, of which nobody knows what becomes, is still under way; the
    /// closure has not run.
    Busy,
    /// The cache was closed; the closure has not run.
    Closed,
    /// The cache has a source and no store; the closure has not run.
    ReadOnly,
}

impl<V> fmt::Display for ComputeError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load(_) => "the value to compute from could not be loaded",
            Self::Put(_) => "the computed value could not be written",
            Self::Remove(_) => "the key could not be removed as computed",
            Self::Busy => BUSY,
            Self::Closed => "the cache is closed: open it again",
            Self::ReadOnly => "the cache has a source and no store: give it a store to write to",
        })
    }
}

// By hand, so that V needs no Debug: a value may be large or secret.
impl<V> fmt::Debug for ComputeError<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => f.debug_tuple("Load").field(error).finish(),
            Self::Put(error) => f.debug_tuple("Put").field(error).finish(),
            Self::Remove(error) => f.debug_tuple("Remove").field(error).finish(),
            Self::Busy => f.write_str("Busy"),
            Self::Closed => f.write_str("Closed"),
            Self::ReadOnly => f.write_str("ReadOnly"),
        }
    }
}

impl<V: 'static> Error for ComputeError<V> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Load(error) => Some(error),
            Self::Put(error) => Some(error),
            Self::Remove(error) => Some(error),
            Self::Busy | Self::Closed | Self::ReadOnly => None,
        }
    }
}
