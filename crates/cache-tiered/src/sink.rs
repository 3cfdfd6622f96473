//! `Sink`: where writes go before anybody reads them.

use std::error::Error;
use std::fmt;
use std::future::{Future, ready};

/// One change of one key.
///
/// `stamp` grows with every mutation that one cache makes, so of two mutations of a key the one
/// with the larger stamp is the later. It is comparable within one cache in one process.
///
/// ```
/// use cache_tiered::Mutation;
///
/// let put = Mutation::put("key", 7, 1);
/// assert_eq!((*put.key(), put.value(), put.stamp()), ("key", Some(&7), 1));
/// assert_eq!(Mutation::<_, u8>::remove("key", 2).value(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mutation<K, V> {
    /// The key has this value from now on.
    Put {
        /// What is written.
        key: K,
        /// Its new value.
        value: V,
        /// The place of this mutation in the order of all.
        stamp: u64,
    },
    /// The key is absent from now on.
    Remove {
        /// What is removed.
        key: K,
        /// The place of this mutation in the order of all.
        stamp: u64,
    },
}

impl<K, V> Mutation<K, V> {
    /// A put.
    pub const fn put(key: K, value: V, stamp: u64) -> Self {
        Self::Put { key, value, stamp }
    }

    /// A removal.
    pub const fn remove(key: K, stamp: u64) -> Self {
        Self::Remove { key, stamp }
    }

    /// The key it changes.
    pub const fn key(&self) -> &K {
        match self {
            Self::Put { key, .. } | Self::Remove { key, .. } => key,
        }
    }

    /// The value it writes; none for a removal.
    pub const fn value(&self) -> Option<&V> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Remove { .. } => None,
        }
    }

    /// Its place in the order of all mutations of this cache.
    pub const fn stamp(&self) -> u64 {
        match self {
            Self::Put { stamp, .. } | Self::Remove { stamp, .. } => *stamp,
        }
    }
}

/// What a batch found: for each mutation, whether its key existed before.
///
/// Up to 64 mutations need no allocation.
///
/// ```
/// use cache_tiered::Applied;
///
/// let applied: Applied = [true, false].into_iter().collect();
/// assert_eq!(applied.len(), 2);
/// assert!(applied.existed(0) && !applied.existed(1));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Applied {
    len: usize,
    first: u64,
    rest: Vec<u64>,
}

impl Applied {
    /// Of an empty batch.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            len: 0,
            first: 0,
            rest: Vec::new(),
        }
    }

    /// Adds the answer of the next mutation.
    pub fn push(&mut self, existed: bool) {
        let (word, bit) = (self.len / 64, self.len % 64);
        if word > self.rest.len() {
            self.rest.push(0);
        }
        let word = if word == 0 {
            &mut self.first
        } else {
            &mut self.rest[word - 1]
        };
        *word |= u64::from(existed) << bit;
        self.len += 1;
    }

    /// Whether the key of mutation `index` existed before it.
    ///
    /// # Panics
    ///
    /// If there is no such mutation.
    #[must_use]
    pub fn existed(&self, index: usize) -> bool {
        assert!(index < self.len, "mutation {index} of {}", self.len);
        let word = match index / 64 {
            0 => self.first,
            word => self.rest[word - 1],
        };
        word >> (index % 64) & 1 == 1
    }

    /// The number of mutations.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True for an empty batch.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl FromIterator<bool> for Applied {
    fn from_iter<I: IntoIterator<Item = bool>>(iter: I) -> Self {
        let mut applied = Self::new();
        iter.into_iter().for_each(|existed| applied.push(existed));
        applied
    }
}

impl fmt::Debug for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries((0..self.len).map(|index| self.existed(index)))
            .finish()
    }
}

/// How a batch failed.
///
/// ```
/// use cache_tiered::ApplyError;
///
/// let refused = ApplyError::Refused("read-only");
/// assert_eq!(refused.to_string(), "the store refused the write: read-only");
/// assert_eq!(refused.map(str::len), ApplyError::Refused(9));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError<E> {
    /// Nothing of the batch took effect, and nothing of it will.
    #[error("the store refused the write: {0}")]
    Refused(E),
    /// Each mutation took effect or it did not; the sink cannot tell, or a part of them did. Nothing of
    /// it will take effect later.
    #[error("the store lost track of the write: {0}")]
    Unknown(E),
}

impl<E> ApplyError<E> {
    /// The error inside.
    pub fn into_inner(self) -> E {
        match self {
            Self::Refused(error) | Self::Unknown(error) => error,
        }
    }

    /// The same outcome with another error.
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> ApplyError<F> {
        match self {
            Self::Refused(error) => ApplyError::Refused(change(error)),
            Self::Unknown(error) => ApplyError::Unknown(change(error)),
        }
    }
}

/// Where writes go. Async in shape; for plain blocking code see [`BlockingSink`].
///
/// # Contract
///
/// * `apply` is all or nothing, or [`ApplyError::Unknown`], and the mutations of a key take effect in
///   their order. Its answer tells of each mutation; one that tells of fewer makes the cache panic.
/// * When it returns, the batch has taken effect or never will: an attempt that may still act is
///   not to be left behind.
/// * A value it acknowledged is what a [`Source`](crate::Source) over the same data loads from
///   then on.
///
/// # Examples
///
/// ```
/// use cache_tiered::{Applied, ApplyError, Mutation, Sink};
/// use std::convert::Infallible;
/// use std::sync::Mutex;
///
/// /// Keeps a record of all that is written.
/// struct Log(Mutex<Vec<String>>);
/// impl Sink<u64, String> for Log {
///     type Error = Infallible;
///     async fn apply(&self, batch: &[Mutation<u64, String>]) -> Result<Applied, ApplyError<Infallible>> {
///         let mut log = self.0.lock().unwrap();
///         Ok(batch.iter().map(|mutation| { log.push(format!("{mutation:?}")); false }).collect())
///     }
/// }
/// # fn is_a_sink(_: impl Sink<u64, String>) {}
/// # is_a_sink(Log(Mutex::default()));
/// ```
pub trait Sink<K, V>: Send + Sync + 'static {
    /// Why a write fails.
    type Error: Error + Send + Sync + 'static;

    /// Applies a batch, and says of each mutation whether its key existed before it.
    fn apply(
        &self,
        batch: &[Mutation<K, V>],
    ) -> impl Future<Output = Result<Applied, ApplyError<Self::Error>>> + Send;

    /// Makes what was acknowledged as durable as this sink can. By default there is nothing to do.
    fn flush(&self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        ready(Ok(()))
    }

    /// True if this sink takes no mutation after a later one of the same key, by their stamps: one
    /// that comes late then changes nothing, and counts as applied. So a write whose time was up
    /// need not keep others of its key waiting. By default it is not so.
    fn is_stamp_conditional(&self) -> bool {
        false
    }
}

/// A sink whose calls block; [`Blocking`](crate::Blocking) makes a [`Sink`] of it.
///
/// The contract of [`Sink`] holds here too.
///
/// ```
/// use cache_tiered::{BlockingSink, InMemory, Mutation};
///
/// let store: InMemory<u8, u8> = InMemory::new();
/// let applied = store.apply(&[Mutation::put(1, 10, 1), Mutation::remove(1, 2)])?;
/// assert!(!applied.existed(0) && applied.existed(1));
/// # Ok::<(), cache_tiered::ApplyError<cache_tiered::InMemoryError>>(())
/// ```
pub trait BlockingSink<K, V>: Send + Sync + 'static {
    /// Why a write fails.
    type Error: Error + Send + Sync + 'static;

    /// Applies a batch, and says of each mutation whether its key existed before it.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Refused`] if nothing took effect, [`ApplyError::Unknown`] if that cannot be told.
    fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<Self::Error>>;

    /// Makes what was acknowledged as durable as this sink can. By default there is nothing to do.
    ///
    /// # Errors
    ///
    /// Whatever keeps the sink from it.
    fn flush(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// True if this sink takes no mutation after a later one of the same key, by their stamps: one
    /// that comes late then changes nothing, and counts as applied. So a write whose time was up
    /// need not keep others of its key waiting. By default it is not so.
    fn is_stamp_conditional(&self) -> bool {
        false
    }
}
