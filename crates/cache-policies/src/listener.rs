//! Listeners: who hears of entries that left without being handed to a caller.

use alloc::vec::Vec;

/// Why an entry left the cache without being handed to a caller.
///
/// What a caller removes, replaces, evicts by [`evict_one`](crate::Cache::evict_one) or has refused is returned to that
/// caller, so there is no cause for it. (Caches that hand nothing back call those explicit and replaced.)
///
/// ```
/// use cache_policies::{Cache, Cause};
/// let mut cache = Cache::<u64, &str>::builder().capacity(1).listener(Vec::new()).build()?;
/// cache.insert(1, "one").unwrap();
/// cache.insert(2, "two").unwrap();
/// assert_eq!(*cache.listener(), [(1, "one", Cause::Capacity)]);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It made room for others, did not fit below a lowered limit, or outgrew the room that there is.
    Capacity,
    /// Its time to live or its idle time was over.
    Expired,
    /// `clear`, `retain` or a dropped `Drain` took it.
    Cleared,
}

/// Takes the entries that leave a [`Cache`](crate::Cache) without being handed to a caller.
///
/// Each inserted value ends in exactly one place: still resident, returned to a caller (what `insert` replaces, what
/// `remove`, `drain` and `evict_one` take, what `insert` refuses), or here. Dropping the whole cache drops its entries
/// without a call.
///
/// `()` drops what it hears, a closure `FnMut(K, V, Cause)` is called, and a `Vec<(K, V, Cause)>` collects, for an owner
/// that wants to handle departures later, say after it has released a lock.
///
/// A listener is called when the entry is already out of the cache; if it panics, the entry is lost to the unwinding and
/// the cache is consistent.
///
/// ```
/// use cache_policies::{Cache, Cause};
///
/// let mut gone = 0;
/// let mut cache = Cache::<u64, u64>::builder()
///     .capacity(2)
///     .listener(|_key: u64, _value: u64, cause: Cause| {
///         assert_eq!(cause, Cause::Capacity);
///         gone += 1;
///     })
///     .build()?;
/// for key in 0..5 {
///     cache.insert(key, key).unwrap();
/// }
/// drop(cache);
/// assert_eq!(gone, 3);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
pub trait Listener<K, V> {
    /// Takes `key` and `value`, which have left for `cause`.
    fn departed(&mut self, key: K, value: V, cause: Cause);
}

impl<K, V> Listener<K, V> for () {
    #[inline]
    fn departed(&mut self, _key: K, _value: V, _cause: Cause) {}
}

impl<K, V> Listener<K, V> for Vec<(K, V, Cause)> {
    fn departed(&mut self, key: K, value: V, cause: Cause) {
        self.push((key, value, cause));
    }
}

impl<K, V, F: FnMut(K, V, Cause)> Listener<K, V> for F {
    #[inline]
    fn departed(&mut self, key: K, value: V, cause: Cause) {
        self(key, value, cause);
    }
}
