//! `Source`: where values come from when no tier holds them.

use crate::life::Life;
use std::error::Error;
use std::future::Future;

/// What a source knows of a key.
///
/// ```
/// use cache_tiered::{Life, Loaded};
///
/// assert_eq!(Loaded::from(Some(7)), Loaded::Value(7, Life::DEFAULT));
/// // An absence is kept only where the source or the memory tier says for how long.
/// assert_eq!(Loaded::<u8>::from(None), Loaded::Absent(Life::DEFAULT));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<V> {
    /// The value, and how long it may be kept.
    Value(V, Life),
    /// There is none, and how long that answer may be kept.
    Absent(Life),
}

impl<V> Loaded<V> {
    /// The value, if there is one.
    pub fn into_value(self) -> Option<V> {
        match self {
            Self::Value(value, _) => Some(value),
            Self::Absent(_) => None,
        }
    }

    pub(crate) fn into_parts(self) -> (Option<V>, Life) {
        match self {
            Self::Value(value, life) => (Some(value), life),
            Self::Absent(life) => (None, life),
        }
    }
}

/// A value or an absence that is kept as the memory tier says.
impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        match value {
            Some(value) => Self::Value(value, Life::DEFAULT),
            None => Self::Absent(Life::DEFAULT),
        }
    }
}

/// Where values come from. Async in shape; for plain blocking code see [`BlockingSource`].
///
/// The cache polls these futures on a thread that waits or on threads of its own, so they must
/// not need a runtime's context to be polled in; a source that does owns a runtime and talks to it.
///
/// ```
/// use cache_tiered::{Loaded, Source};
/// use std::{convert::Infallible, future::{Future, ready}};
///
/// struct Squares;
/// impl Source<u64, u64> for Squares {
///     type Error = Infallible;
///     fn load(&self, key: &u64) -> impl Future<Output = Result<Loaded<u64>, Infallible>> + Send {
///         ready(Ok(Loaded::from(key.checked_mul(*key))))
///     }
/// }
/// ```
pub trait Source<K, V>: Send + Sync + 'static {
    /// Why a load fails.
    type Error: Error + Send + Sync + 'static;

    /// Loads one key.
    fn load(&self, key: &K) -> impl Future<Output = Result<Loaded<V>, Self::Error>> + Send;

    /// Loads several keys; the answers stand in the order of the keys.
    ///
    /// One failure fails the whole call. By default one load after the other.
    fn load_many(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Vec<Loaded<V>>, Self::Error>> + Send
    where
        K: Sync,
        V: Send,
    {
        async move {
            let mut answers = Vec::with_capacity(keys.len());
            for key in keys {
                answers.push(self.load(key).await?);
            }
            Ok(answers)
        }
    }
}

/// A source whose calls block; [`Blocking`](crate::Blocking) makes a [`Source`] of it.
///
/// ```
/// use cache_tiered::{BlockingSource, InMemory};
///
/// let store: InMemory<u8, u8> = InMemory::new();
/// assert_eq!(BlockingSource::load(&store, &1)?.into_value(), None);
/// # Ok::<(), cache_tiered::InMemoryError>(())
/// ```
pub trait BlockingSource<K, V>: Send + Sync + 'static {
    /// Why a load fails.
    type Error: Error + Send + Sync + 'static;

    /// Loads one key.
    ///
    /// # Errors
    ///
    /// Whatever the source says; it reaches everybody who waits for this key and is not cached.
    fn load(&self, key: &K) -> Result<Loaded<V>, Self::Error>;

    /// Loads several keys; the answers stand in the order of the keys.
    ///
    /// # Errors
    ///
    /// The first failure fails the whole call.
    fn load_many(&self, keys: &[K]) -> Result<Vec<Loaded<V>>, Self::Error> {
        keys.iter().map(|key| self.load(key)).collect()
    }
}
