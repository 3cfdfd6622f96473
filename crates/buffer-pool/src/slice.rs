//! Buffers and frozen bytes as the slice that they hold: everything that both take over from `[u8]`, once for both.

use core::fmt;

use crate::buffer::PooledBuf;
use crate::frozen::PooledBytes;

/// What a type with a field `len` and a method `as_slice` has of a slice. As `bytes::Bytes` it compares with whatever
/// holds bytes or text, from either side, and by reference.
macro_rules! holds_a_slice {
    ($holder:ident) => {
        impl $holder {
            /// Bytes that it holds.
            #[inline]
            #[must_use]
            pub fn len(&self) -> usize {
                self.len
            }

            /// Whether there are none.
            #[inline]
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len == 0
            }
        }

        impl core::ops::Deref for $holder {
            type Target = [u8];

            #[inline]
            fn deref(&self) -> &[u8] {
                self.as_slice()
            }
        }

        impl AsRef<[u8]> for $holder {
            #[inline]
            fn as_ref(&self) -> &[u8] {
                self
            }
        }

        impl core::borrow::Borrow<[u8]> for $holder {
            #[inline]
            fn borrow(&self) -> &[u8] {
                self
            }
        }

        impl<'a> IntoIterator for &'a $holder {
            type Item = &'a u8;
            type IntoIter = core::slice::Iter<'a, u8>;

            #[inline]
            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        /// The contents as a byte string literal, as `bytes::Bytes` prints them.
        impl core::fmt::Debug for $holder {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::slice::write_literal(self, f)
            }
        }

        impl PartialEq for $holder {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl Eq for $holder {}

        impl PartialOrd for $holder {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $holder {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                (**self).cmp(&**other)
            }
        }

        impl core::hash::Hash for $holder {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl<T: ?Sized> PartialEq<&T> for $holder
        where
            Self: PartialEq<T>,
        {
            #[inline]
            fn eq(&self, other: &&T) -> bool {
                *self == **other
            }
        }

        impl<T: ?Sized> PartialOrd<&T> for $holder
        where
            Self: PartialOrd<T>,
        {
            fn partial_cmp(&self, other: &&T) -> Option<core::cmp::Ordering> {
                self.partial_cmp(*other)
            }
        }

        $crate::slice::compares! {
            [] $holder, [u8];
            [] [u8], $holder;
            [] &[u8], $holder;
            [const N: usize] $holder, [u8; N];
            [const N: usize] [u8; N], $holder;
            [const N: usize] &[u8; N], $holder;
            [] $holder, str;
            [] str, $holder;
            [] &str, $holder;
            [] $holder, Vec<u8>;
            [] Vec<u8>, $holder;
            [] $holder, String;
            [] String, $holder;
            [] $holder, bytes::Bytes;
            [] bytes::Bytes, $holder;
            [] $holder, bytes::BytesMut;
            [] bytes::BytesMut, $holder;
        }
    };
}

/// Equality and order of values of two types, by their bytes.
macro_rules! compares {
    ($([$($generics:tt)*] $left:ty, $right:ty;)*) => {$(
        impl<$($generics)*> PartialEq<$right> for $left {
            #[inline]
            fn eq(&self, other: &$right) -> bool {
                AsRef::<[u8]>::as_ref(self) == AsRef::<[u8]>::as_ref(other)
            }
        }

        impl<$($generics)*> PartialOrd<$right> for $left {
            fn partial_cmp(&self, other: &$right) -> Option<core::cmp::Ordering> {
                AsRef::<[u8]>::as_ref(self).partial_cmp(AsRef::<[u8]>::as_ref(other))
            }
        }
    )*};
}

pub(crate) use {compares, holds_a_slice};

/// Writes `bytes` as a byte string literal.
pub(crate) fn write_literal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("b\"")?;
    for &byte in bytes {
        match byte {
            0 => f.write_str("\\0")?,
            b'\'' => f.write_str("'")?,
            _ => write!(f, "{}", byte.escape_ascii())?,
        }
    }
    f.write_str("\"")
}

compares! {
    [] PooledBuf, PooledBytes;
    [] PooledBytes, PooledBuf;
}
