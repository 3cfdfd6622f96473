//! `Key`: which slot, and in which of its lives. A handle's content without the type of the value.

use core::num::NonZeroU32;

use super::LAST_GENERATION;

/// A generation in which a slot can be live: an odd number, whatever it was made of, so that a slot whose
/// generation equals it holds a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub(crate) struct Generation(NonZeroU32);

impl Generation {
    /// The number of the last one.
    pub(crate) const LAST: u32 = LAST_GENERATION;

    /// `None` where no slot is ever live in `number`.
    #[inline]
    pub(crate) const fn new(number: u32) -> Option<Self> {
        if number & 1 == 0 || number > LAST_GENERATION {
            return None;
        }
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// As `new`, for a number that was just read from a live slot.
    #[inline]
    pub(crate) fn of_live(number: u32) -> Self {
        debug_assert!(number & 1 == 1 && number <= LAST_GENERATION);
        Self(NonZeroU32::MIN | number)
    }

    #[inline]
    pub(crate) const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Names a value of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: Generation,
}
