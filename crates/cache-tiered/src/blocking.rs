//! `Blocking`: plain blocking stores in the shape of async ones.

use crate::sink::{Applied, ApplyError, BlockingSink, Mutation, Sink};
use crate::source::{BlockingSource, Loaded, Source};

/// Makes a [`Source`] of a [`BlockingSource`] and a [`Sink`] of a [`BlockingSink`].
///
/// Its futures block the thread that polls them. [`Tiered`](crate::Tiered) polls a store only on
/// threads that may block: the one that waits, or one of its own.
///
/// ```
/// use cache_tiered::{Blocking, BlockingSource, Loaded, Source};
/// use std::io;
///
/// struct Files;
/// impl BlockingSource<String, Vec<u8>> for Files {
///     type Error = io::Error;
///     fn load(&self, name: &String) -> io::Result<Loaded<Vec<u8>>> {
///         match std::fs::read(name) {
///             Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into()),
///             read => read.map(|bytes| Some(bytes).into()),
///         }
///     }
/// }
/// fn is_a_source(_: impl Source<String, Vec<u8>>) {}
/// is_a_source(Blocking::new(Files));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Blocking<T> {
    inner: T,
}

impl<T> Blocking<T> {
    /// Wraps a blocking source, sink or both.
    pub const fn new(inner: T) -> Self {
        Self { inner }
    }

    /// What was wrapped.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// Gives back what was wrapped.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<K: Sync, V: Send, T: BlockingSource<K, V>> Source<K, V> for Blocking<T> {
    type Error = T::Error;

    async fn load(&self, key: &K) -> Result<Loaded<V>, T::Error> {
        self.inner.load(key)
    }

    async fn load_many(&self, keys: &[K]) -> Result<Vec<Loaded<V>>, T::Error> {
        self.inner.load_many(keys)
    }
}

impl<K: Sync, V: Sync, T: BlockingSink<K, V>> Sink<K, V> for Blocking<T> {
    type Error = T::Error;

    async fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<T::Error>> {
        self.inner.apply(batch)
    }

    async fn flush(&self) -> Result<(), T::Error> {
        self.inner.flush()
    }

    fn is_stamp_conditional(&self) -> bool {
        self.inner.is_stamp_conditional()
    }
}
