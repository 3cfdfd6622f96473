//! `Source`: where values come from when no tier holds them.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// How long an answer of a source may be kept.
///
/// ```
/// use cache_tiered::Life;
/// use std::time::Duration;
///
/// let life = Life::FOREVER.ttl(Duration::from_secs(60));
/// assert_eq!(life.time_to_live(), Some(Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Life {
    ttl: Option<Duration>,
}

impl Life {
    /// No limit of its own; a limit of the tier still applies.
    pub const FOREVER: Self = Self { ttl: None };
    /// Not kept: the answer is for those who asked.
    pub const NONE: Self = Self {
        ttl: Some(Duration::ZERO),
    };

    /// The same with a time to live; zero means that the answer is not kept.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The time to live, or none if there is no limit.
    #[must_use]
    pub const fn time_to_live(self) -> Option<Duration> {
        self.ttl
    }
}

/// What a source knows of a key.
///
/// ```
/// use cache_tiered::{Life, Loaded};
///
/// assert_eq!(Loaded::from(Some(7)), Loaded::Value(7, Life::FOREVER));
/// // An absence is kept only where the source says for how long.
/// assert_eq!(Loaded::<u8>::from(None), Loaded::Absent(Life::NONE));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// A value without limit; an absence that is not kept.
impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        match value {
            Some(value) => Self::Value(value, Life::FOREVER),
            None => Self::Absent(Life::NONE),
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
