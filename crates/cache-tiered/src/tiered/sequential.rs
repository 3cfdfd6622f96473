//! The order of keys: which key comes after which.

use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hash};

/// Where a key is among those that follow each other.
///
/// ```
/// use cache_tiered::{Place, Sequential};
///
/// assert_eq!(7_u32.place(), Some(Place { sequence: 0, position: 7 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which sequence it is in, such as a file. Two sequences that by accident have one number cost a
    /// wrong guess, nothing more.
    pub sequence: u64,
    /// Where it is there, such as the number of a block.
    pub position: u64,
}

/// Keys that lie in sequences, so that it can be told which ones come next: for
/// [`ReadAhead`](crate::ReadAhead).
///
/// Integers are one sequence. A pair of anything and an integer, such as a file and the number of a block,
/// is a sequence for each first part.
///
/// ```
/// use cache_tiered::{Place, Sequential};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Page {
///     table: u16,
///     number: u32,
/// }
/// impl Sequential for Page {
///     fn place(&self) -> Option<Place> {
///         Some(Place { sequence: self.table.into(), position: self.number.into() })
///     }
///     fn at(&self, position: u64) -> Option<Self> {
///         let number = u32::try_from(position).ok()?;
///         Some(Self { number, ..*self })
///     }
/// }
/// assert_eq!(Page { table: 1, number: 2 }.at(3), Some(Page { table: 1, number: 3 }));
/// assert_eq!(("file", 2_u8).at(3), Some(("file", 3)));
/// assert_eq!(("file", 2_u8).at(256), None);
/// ```
pub trait Sequential: Sized {
    /// The place of this key; none if it is in no sequence.
    fn place(&self) -> Option<Place>;

    /// The key at another position of the same sequence; none if there can be none.
    fn at(&self, position: u64) -> Option<Self>;
}

macro_rules! unsigned {
    ($($integer:ty)*) => {$(
        impl Sequential for $integer {
            fn place(&self) -> Option<Place> {
                let position = u64::try_from(*self).ok()?;
                Some(Place { sequence: 0, position })
            }

            fn at(&self, position: u64) -> Option<Self> {
                Self::try_from(position).ok()
            }
        }
    )*};
}

/// The least `i64` is position 0.
const SIGN: u64 = 1 << 63;

macro_rules! signed {
    ($($integer:ty)*) => {$(
        impl Sequential for $integer {
            fn place(&self) -> Option<Place> {
                let position = i64::try_from(*self).ok()?.cast_unsigned() ^ SIGN;
                Some(Place { sequence: 0, position })
            }

            fn at(&self, position: u64) -> Option<Self> {
                Self::try_from((position ^ SIGN).cast_signed()).ok()
            }
        }
    )*};
}

unsigned!(u8 u16 u32 u64 usize);
signed!(i8 i16 i32 i64 isize);

impl<S: Hash + Clone, P: Sequential> Sequential for (S, P) {
    fn place(&self) -> Option<Place> {
        let Place { sequence, position } = self.1.place()?;
        let sequence = FixedState::default().hash_one((&self.0, sequence));
        Some(Place { sequence, position })
    }

    fn at(&self, position: u64) -> Option<Self> {
        Some((self.0.clone(), self.1.at(position)?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Sequential};

    #[test]
    fn integers_follow_each_other_from_the_least_to_the_greatest() {
        fn next<K: Sequential>(key: &K) -> Option<K> {
            key.at(key.place().unwrap().position.wrapping_add(1))
        }
        assert_eq!((next(&7_u8), next(&255_u8)), (Some(8), None));
        assert_eq!((next(&-1_i8), next(&127_i8)), (Some(0), None));
        assert_eq!(
            (next(&-1_i64), next(&i64::MIN)),
            (Some(0), Some(i64::MIN + 1))
        );
        assert_eq!(i64::MIN.place().unwrap().position, 0);
        assert_eq!(next(&u64::MAX.wrapping_sub(1)), Some(u64::MAX));
    }

    #[test]
    fn pairs_are_in_a_sequence_for_each_first_part() {
        let place = |file: &'static str, block: u32| (file, block).place().unwrap();
        let Place { sequence, position } = place("a", 1);
        assert_eq!(
            place("a", 2),
            Place {
                sequence,
                position: position + 1
            }
        );
        assert_ne!(place("b", 1).sequence, sequence);
    }
}
