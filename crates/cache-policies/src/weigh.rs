//! Weighers: how much room an entry takes.

/// Says how much of the capacity an entry takes, in whatever unit the capacity is in (entries, bytes, pages).
///
/// A [`Cache`](crate::Cache) asks once for each insert and once after a value was changed in place, and remembers the
/// answer: a weight that changes behind its back (interior mutability) goes unnoticed until then. Weights of 0 are
/// allowed; such entries are bounded by the entry limit alone.
///
/// A weigher may panic: the cache is then as it was before the call.
///
/// ```
/// use cache_policies::{Cache, Weigh};
///
/// struct Bytes;
/// impl Weigh<u64, String> for Bytes {
///     fn weigh(&self, _key: &u64, value: &String) -> u32 {
///         u32::try_from(value.len()).unwrap_or(u32::MAX)
///     }
/// }
///
/// let mut cache = Cache::<u64, String>::builder().capacity(10).weigher(Bytes).build()?;
/// cache.insert(1, "seven b".into()).unwrap();
/// assert_eq!(cache.weight(), 7);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
pub trait Weigh<K: ?Sized, V: ?Sized> {
    /// The weight of the entry `key`, `value`.
    fn weigh(&self, key: &K, value: &V) -> u32;
}

/// The weigher that counts: each entry weighs 1, so the capacity is a number of entries.
///
/// ```
/// use cache_policies::{One, Weigh};
/// assert_eq!(One.weigh(&"key", &[0u8; 1000]), 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct One;

impl<K: ?Sized, V: ?Sized> Weigh<K, V> for One {
    #[inline]
    fn weigh(&self, _key: &K, _value: &V) -> u32 {
        1
    }
}

impl<K: ?Sized, V: ?Sized, F: Fn(&K, &V) -> u32> Weigh<K, V> for F {
    #[inline]
    fn weigh(&self, key: &K, value: &V) -> u32 {
        self(key, value)
    }
}
