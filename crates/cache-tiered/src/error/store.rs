//! What a store said, whatever the type of its error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error of the store behind a cache, whatever its type; cheap to clone, because everybody who
/// waited for one load gets it.
///
/// ```
/// use cache_tiered::{InMemory, InMemoryError, MemoryTier, PutError, Tiered};
///
/// let cache: Tiered<u8, u8> = Tiered::builder()
///     .memory(MemoryTier::entries(10))
///     .store(InMemory::with_limit(1)?)
///     .build()?;
/// cache.put(1, 1).wait()?;
/// let Err(PutError::Refused { value: 2, source }) = cache.put(2, 2).wait() else { panic!() };
/// assert_eq!(source.downcast_ref(), Some(&InMemoryError::Full { limit: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct StoreError {
    inner: Arc<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Wraps an error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::new(error),
        }
    }

    /// The error of the store, if that is its type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.inner.downcast_ref()
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source()
    }
}
