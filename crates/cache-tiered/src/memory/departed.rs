//! Entries that left a shard and are still to be told of and dropped, once its lock is free.

use cache_policies::Cause;

/// An entry that left.
#[derive(Debug)]
pub(crate) struct Departure<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
    pub(crate) cause: Cause,
    /// What was said of the key under the lock, when it left; 0 where nobody wants to know.
    #[cfg_attr(
        not(feature = "disk"),
        expect(dead_code, reason = "the disk tier alone wants to know")
    )]
    pub(crate) mark: u64,
}

/// Collects departures under the lock of a shard; the first needs no allocation.
pub(crate) struct Departed<K, V> {
    first: Option<Departure<K, V>>,
    more: Vec<Departure<K, V>>,
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

    pub(crate) fn push(&mut self, departure: Departure<K, V>) {
        match &self.first {
            None => self.first = Some(departure),
            Some(_) => self.more.push(departure),
        }
    }
}

impl<K, V> IntoIterator for Departed<K, V> {
    type Item = Departure<K, V>;
    type IntoIter =
        std::iter::Chain<std::option::IntoIter<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}
