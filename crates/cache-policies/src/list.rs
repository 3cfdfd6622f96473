//! Doubly linked lists of slots, `LISTS` of them in one column of cells, 8 bytes a slot.
//!
//! Each list is a circle through a sentinel, so that linking and unlinking need no branch:
//! ```text
//!             older ->                      older ->
//!  sentinel ----------> front ... back ----------> sentinel
//!             <- newer                      <- newer
//! ```
//! The first `LISTS` cells are the sentinels; the cell of a slot comes that many places later. The cell of a slot
//! that is in no list says why (absent or pinned), or holds 8 bytes of the policy's own (see [`Lists::stow`]).

use alloc::vec::Vec;

use crate::ledger::{grow_behind, reserve};
use crate::slot::Slot;

const ABSENT: u32 = u32::MAX;
const PINNED: u32 = u32::MAX - 1;

/// Why a slot is in no list.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unlinked {
    /// It is not resident.
    Absent,
    /// It is resident, and pinned.
    Pinned,
}

#[derive(Copy, Clone, Debug)]
struct Cell {
    /// The neighbour toward the front; in no list: `ABSENT`, `PINNED` or half of what was stowed.
    newer: u32,
    /// The neighbour toward the back; in no list: anything.
    older: u32,
}

/// The lists. A slot is in one of them at most; the caller knows in which.
#[derive(Clone, Debug)]
pub(crate) struct Lists<const LISTS: usize> {
    cells: Vec<Cell>,
    lens: [usize; LISTS],
}

/// A place in a list: a slot's cell, or a list's sentinel.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place(u32);

impl<const LISTS: usize> Lists<LISTS> {
    pub(crate) fn new() -> Self {
        let sentinel = |list: usize| Cell {
            newer: list as u32,
            older: list as u32,
        };
        Lists {
            cells: (0..LISTS).map(sentinel).collect(),
            lens: [0; LISTS],
        }
    }

    /// The sentinel of a list: newer than its front and older than its back.
    #[inline(always)]
    pub(crate) fn sentinel(list: usize) -> Place {
        Place(list as u32)
    }

    #[inline(always)]
    pub(crate) fn place(slot: Slot) -> Place {
        Place(slot.get() + LISTS as u32)
    }

    /// The slot at a place; `None` at a sentinel.
    #[inline(always)]
    pub(crate) fn slot(place: Place) -> Option<Slot> {
        place.0.checked_sub(LISTS as u32).map(Slot::new)
    }

    #[inline(always)]
    pub(crate) fn len(&self, list: usize) -> usize {
        self.lens[list]
    }

    /// The oldest slot of a list.
    #[inline(always)]
    pub(crate) fn back(&self, list: usize) -> Option<Slot> {
        Self::slot(Place(self.cells[list].newer))
    }

    /// The neighbour toward the front; from the sentinel: the back.
    #[inline(always)]
    pub(crate) fn newer(&self, place: Place) -> Place {
        Place(self.cells[place.0 as usize].newer)
    }

    /// Gives the cells the memory for slots below this number and no more.
    pub(crate) fn reserve(&mut self, slots: usize) {
        reserve(&mut self.cells, slots + LISTS);
    }

    /// Makes room for the cell of a slot.
    ///
    /// # Panics
    /// If the slot is above [`Slot::MAX`].
    #[inline(always)]
    pub(crate) fn ensure(&mut self, slot: Slot) {
        if slot.index() + LISTS >= self.cells.len() {
            self.extend(slot);
        }
    }

    #[cold]
    fn extend(&mut self, slot: Slot) {
        // The number of the last cell is told from those marks.
        const { assert!(Slot::MAX.index() + LISTS < PINNED as usize) };
        let absent = || Cell {
            newer: ABSENT,
            older: 0,
        };
        grow_behind(&mut self.cells, LISTS, slot, absent);
    }

    /// Why a slot is in no list; `None` if it is in one. Means nothing for a cell that something was stowed in.
    #[inline(always)]
    pub(crate) fn unlinked(&self, slot: Slot) -> Option<Unlinked> {
        match self
            .cells
            .get(slot.index() + LISTS)
            .map_or(ABSENT, |cell| cell.newer)
        {
            ABSENT => Some(Unlinked::Absent),
            PINNED => Some(Unlinked::Pinned),
            _ => None,
        }
    }

    /// Links a slot that is in no list as the newest of one.
    #[inline(always)]
    pub(crate) fn push_front(&mut self, list: usize, slot: Slot) {
        self.link_behind(Self::sentinel(list), list, slot);
    }

    /// Links a slot that is in no list into one, on the older side of a place in it.
    #[inline(always)]
    pub(crate) fn link_behind(&mut self, place: Place, list: usize, slot: Slot) {
        let at = Self::place(slot).0;
        let older = self.cells[place.0 as usize].older;
        self.cells[at as usize] = Cell {
            newer: place.0,
            older,
        };
        self.cells[place.0 as usize].older = at;
        self.cells[older as usize].newer = at;
        self.lens[list] += 1;
    }

    /// Takes a slot out of the list that it is in.
    #[inline(always)]
    pub(crate) fn unlink(&mut self, list: usize, slot: Slot, reason: Unlinked) {
        let at = Self::place(slot).0 as usize;
        let Cell { newer, older } = self.cells[at];
        self.cells[newer as usize].older = older;
        self.cells[older as usize].newer = newer;
        self.cells[at].newer = match reason {
            Unlinked::Absent => ABSENT,
            Unlinked::Pinned => PINNED,
        };
        self.lens[list] -= 1;
    }

    /// Makes a slot of a list its newest.
    #[inline(always)]
    pub(crate) fn move_to_front(&mut self, list: usize, slot: Slot) {
        let at = Self::place(slot).0;
        let front = self.cells[list].older;
        if front == at {
            return;
        }
        let Cell { newer, older } = self.cells[at as usize];
        self.cells[newer as usize].older = older;
        self.cells[older as usize].newer = newer;
        self.cells[at as usize] = Cell {
            newer: list as u32,
            older: front,
        };
        self.cells[front as usize].newer = at;
        self.cells[list].older = at;
    }

    /// Marks a pinned slot as absent.
    #[inline(always)]
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.cells[slot.index() + LISTS].newer = ABSENT;
    }

    /// Keeps 8 bytes of the policy's own in the cell of a slot that is in no list.
    #[inline(always)]
    pub(crate) fn stow(&mut self, slot: Slot, bits: u64) {
        let [newer, older] = halves(bits);
        self.cells[slot.index() + LISTS] = Cell { newer, older };
    }

    /// What was stowed last with a slot that was in no list since.
    #[inline(always)]
    pub(crate) fn stowed(&self, slot: Slot) -> u64 {
        let cell = self.cells[slot.index() + LISTS];
        whole([cell.newer, cell.older])
    }

    /// Makes room for the cell of a slot that is not resident.
    ///
    /// # Panics
    /// If it is resident, or above [`Slot::MAX`].
    #[inline(always)]
    pub(crate) fn expect_absent(&mut self, slot: Slot) {
        self.ensure(slot);
        if self.unlinked(slot) != Some(Unlinked::Absent) {
            resident_already(slot);
        }
    }

    /// Why a resident slot is in no list; `None` if it is in one.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline(always)]
    pub(crate) fn expect_resident(&self, slot: Slot) -> Option<Unlinked> {
        let unlinked = self.unlinked(slot);
        if unlinked == Some(Unlinked::Absent) {
            not_resident(slot);
        }
        unlinked
    }

    /// Makes a slot that is pinned, or linked in this list, absent.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline(always)]
    pub(crate) fn remove_resident(&mut self, list: usize, slot: Slot) {
        match self.expect_resident(slot) {
            None => self.unlink(list, slot, Unlinked::Absent),
            Some(_) => self.forget(slot),
        }
    }

    /// Takes a slot out of this list, as pinned, unless it is pinned already.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline(always)]
    pub(crate) fn pin_resident(&mut self, list: usize, slot: Slot) {
        if self.expect_resident(slot).is_none() {
            self.unlink(list, slot, Unlinked::Pinned);
        }
    }

    /// The slots of a list, oldest first.
    pub(crate) fn iter(&self, list: usize) -> impl Iterator<Item = Slot> {
        let mut place = Self::sentinel(list);
        core::iter::from_fn(move || {
            place = self.newer(place);
            Self::slot(place)
        })
    }

    /// The slots for which [`Lists::unlinked`] says pinned, in the order of their numbers.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = Slot> {
        let cells = self.cells.iter().enumerate().skip(LISTS);
        cells
            .filter(|(_, cell)| cell.newer == PINNED)
            .map(|(at, _)| Slot::new((at - LISTS) as u32))
    }

    /// Asserts that a list is a circle of as many slots as it counts.
    pub(crate) fn check(&self, list: usize) {
        let mut place = Self::sentinel(list);
        for steps in 0.. {
            let newer = self.newer(place);
            assert_eq!(
                self.cells[newer.0 as usize].older, place.0,
                "a neighbour does not point back"
            );
            place = newer;
            if place == Self::sentinel(list) {
                assert_eq!(
                    steps, self.lens[list],
                    "the list is not as long as it counts"
                );
                return;
            }
            assert!(place.0 as usize >= LISTS, "the list runs into another one");
            assert!(steps < self.lens[list], "the list is longer than it counts");
        }
    }
}

/// 64 bits as two halves, the lower one first: for structs whose other fields are aligned to 4 bytes.
#[inline(always)]
pub(crate) fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The 64 bits of two [`halves`].
#[inline(always)]
pub(crate) fn whole([lower, upper]: [u32; 2]) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}

/// The owner's mistake of inserting into a slot that is taken.
#[cold]
#[track_caller]
pub(crate) fn resident_already(slot: Slot) -> ! {
    panic!("slot {} is resident already", slot.get())
}

/// The owner's mistake of naming a slot that is vacant.
#[cold]
#[track_caller]
pub(crate) fn not_resident(slot: Slot) -> ! {
    panic!("slot {} is not resident", slot.get())
}
