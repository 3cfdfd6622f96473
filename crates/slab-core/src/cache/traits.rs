//! What owning pointers have in common: boxes compare, hash and print as their values do.

use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};

use super::boxed::SlabBox;
use super::local_box::LocalBox;

macro_rules! owning_pointer {
    ($name:ident $(, $lifetime:lifetime)?) => {
        /// Moving the box moves no value.
        impl<$($lifetime,)? T, const SLAB: usize> Unpin for $name<$($lifetime,)? T, SLAB> {}

        impl<$($lifetime,)? T, const SLAB: usize> Deref for $name<$($lifetime,)? T, SLAB> {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                // SAFETY: the slot holds a value, which is borrowed as the box is.
                unsafe { self.slot.as_ref() }
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> DerefMut for $name<$($lifetime,)? T, SLAB> {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: as in `deref`, and the box is borrowed alone.
                unsafe { self.slot.as_mut() }
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> AsRef<T> for $name<$($lifetime,)? T, SLAB> {
            fn as_ref(&self) -> &T {
                self
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> AsMut<T> for $name<$($lifetime,)? T, SLAB> {
            fn as_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> Borrow<T> for $name<$($lifetime,)? T, SLAB> {
            fn borrow(&self) -> &T {
                self
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> BorrowMut<T> for $name<$($lifetime,)? T, SLAB> {
            fn borrow_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<$($lifetime,)? T: PartialEq, const SLAB: usize> PartialEq for $name<$($lifetime,)? T, SLAB> {
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl<$($lifetime,)? T: Eq, const SLAB: usize> Eq for $name<$($lifetime,)? T, SLAB> {}

        impl<$($lifetime,)? T: PartialOrd, const SLAB: usize> PartialOrd for $name<$($lifetime,)? T, SLAB> {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                (**self).partial_cmp(&**other)
            }
        }

        impl<$($lifetime,)? T: Ord, const SLAB: usize> Ord for $name<$($lifetime,)? T, SLAB> {
            fn cmp(&self, other: &Self) -> Ordering {
                (**self).cmp(&**other)
            }
        }

        impl<$($lifetime,)? T: Hash, const SLAB: usize> Hash for $name<$($lifetime,)? T, SLAB> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl<$($lifetime,)? T: fmt::Debug, const SLAB: usize> fmt::Debug for $name<$($lifetime,)? T, SLAB> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($lifetime,)? T: fmt::Display, const SLAB: usize> fmt::Display for $name<$($lifetime,)? T, SLAB> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($lifetime,)? T, const SLAB: usize> fmt::Pointer for $name<$($lifetime,)? T, SLAB> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Pointer::fmt(&self.slot, f)
            }
        }

        impl<$($lifetime,)? T: core::error::Error, const SLAB: usize> core::error::Error
            for $name<$($lifetime,)? T, SLAB>
        {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                (**self).source()
            }
        }
    };
}

owning_pointer!(SlabBox);
owning_pointer!(LocalBox, 'a);

impl<'a, T, const SLAB: usize> From<LocalBox<'a, T, SLAB>> for SlabBox<T, SLAB> {
    /// As [`LocalBox::into_shared`].
    fn from(local: LocalBox<'a, T, SLAB>) -> Self {
        local.into_shared()
    }
}
