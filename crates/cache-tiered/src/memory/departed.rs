//! Entries that left a shard and are still to be told of and dropped, once its lock is free.

use cache_policies::{Cause, Listener};

/// Collects departures under the lock of a shard; the first needs no allocation.
pub(crate) struct Departed<K, V> {
    first: Option<(K, V, Cause)>,
    more: Vec<(K, V, Cause)>,
}

impl<K, V> Default for Departed<K, V> {
    fn default() -> Self {
        Self {
            first: None,
            more: Vec::new(),
        }
    }
}

impl<K, V> Departed<K, V> {
    /// Whether nothing was collected.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Takes what was collected so far.
    pub(crate) fn take(&mut self) -> Self {
        // Nothing, most of the time: then no bytes are moved.
        match self.first.take() {
            None => Self::default(),
            first => Self {
                first,
                more: std::mem::take(&mut self.more),
            },
        }
    }

    pub(crate) fn push(&mut self, key: K, value: V, cause: Cause) {
        match &self.first {
            None => self.first = Some((key, value, cause)),
            Some(_) => self.more.push((key, value, cause)),
        }
    }
}

impl<K, V> Listener<K, V> for Departed<K, V> {
    fn departed(&mut self, key: K, value: V, cause: Cause) {
        self.push(key, value, cause);
    }
}

impl<K, V> IntoIterator for Departed<K, V> {
    type Item = (K, V, Cause);
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}
