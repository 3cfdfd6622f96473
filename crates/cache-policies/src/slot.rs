//! Slots: the small dense numbers by which an owner names its entries to a policy.

/// The place of one entry in its owner's storage.
///
/// An owner (a cache, a simulator) keeps its entries in slots numbered from 0 and reuses the numbers of
/// entries that left, so that the numbers stay small and dense: a policy keeps its own columns, indexed by
/// slot, which grow to the highest slot that was ever inserted.
///
/// ```
/// use cache_policies::Slot;
///
/// let slot = Slot::new(7);
/// assert_eq!(slot.get(), 7);
/// assert_eq!(slot.index(), 7);
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    /// The highest slot that a policy takes; the numbers above it mark the ends of lists inside of it.
    pub const MAX: Slot = Slot(u32::MAX - 64);

    /// Names the slot with this number. `Policy::insert` panics for a number above [`Slot::MAX`].
    #[inline]
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Slot(number)
    }

    /// The number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number, as an index into the owner's storage.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
