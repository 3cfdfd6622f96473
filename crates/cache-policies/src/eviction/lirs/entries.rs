//! What is known of each slot, and the list of the LIR entries.

use alloc::vec;
use alloc::vec::Vec;

use super::state::State;
use crate::ledger::{grow_behind, reserve};
use crate::list::{halves, not_resident, resident_already, whole};
use crate::slot::Slot;

/// 12 bytes a slot.
#[derive(Copy, Clone, Debug)]
struct Cell {
    state: State,
    /// Of a linked LIR entry the cells of the next newer and the next older one. Of one that is HIR and in S, or a phantom,
    /// the halves of the hash of its key. Of others anything.
    newer: u32,
    older: u32,
}

/// The cell that closes the list to a circle: newer than the newest LIR entry, and older than the oldest.
const SENTINEL: u32 = 0;

const VACANT: Cell = Cell {
    state: State::ABSENT,
    newer: SENTINEL,
    older: SENTINEL,
};

/// The states of all slots; and the LIR entries that are not pinned, by their last requests.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    /// The sentinel, then those of the slots.
    cells: Vec<Cell>,
}

impl Entries {
    pub(super) fn new() -> Self {
        Entries {
            cells: vec![VACANT],
        }
    }

    pub(super) fn reserve(&mut self, slots: usize) {
        reserve(&mut self.cells, slots + 1);
    }

    #[inline(always)]
    fn at(slot: Slot) -> u32 {
        slot.get() + 1
    }

    #[inline(always)]
    fn slot(at: u32) -> Option<Slot> {
        at.checked_sub(1).map(Slot::new)
    }

    #[inline(always)]
    pub(super) fn state(&self, slot: Slot) -> State {
        self.cells[Self::at(slot) as usize].state
    }

    #[inline(always)]
    pub(super) fn set_state(&mut self, slot: Slot, state: State) {
        self.cells[Self::at(slot) as usize].state = state;
    }

    /// The state of a resident slot.
    ///
    /// # Panics
    /// If it is not resident.
    #[inline(always)]
    pub(super) fn resident(&self, slot: Slot) -> State {
        let cell = self.cells.get(slot.index() + 1);
        match cell.map_or(State::ABSENT, |cell| cell.state) {
            State::ABSENT => not_resident(slot),
            state => state,
        }
    }

    /// Makes room for a slot that is not resident.
    ///
    /// # Panics
    /// If it is resident, or above [`Slot::MAX`].
    #[inline(always)]
    pub(super) fn expect_absent(&mut self, slot: Slot) {
        match self.cells.get(slot.index() + 1) {
            None => self.extend(slot),
            Some(cell) if cell.state == State::ABSENT => {}
            Some(_) => resident_already(slot),
        }
    }

    #[cold]
    fn extend(&mut self, slot: Slot) {
        grow_behind(&mut self.cells, 1, slot, || VACANT);
    }

    /// Keeps a hash with an entry that is not in the list.
    #[inline(always)]
    pub(super) fn stow(&mut self, slot: Slot, state: State, hash: u64) {
        let [newer, older] = halves(hash);
        self.cells[Self::at(slot) as usize] = Cell {
            state,
            newer,
            older,
        };
    }

    /// The hash that was kept.
    pub(super) fn stowed(&self, slot: Slot) -> u64 {
        let cell = self.cells[Self::at(slot) as usize];
        whole([cell.newer, cell.older])
    }

    /// The oldest LIR entry.
    #[inline(always)]
    pub(super) fn oldest(&self) -> Option<Slot> {
        Self::slot(self.cells[SENTINEL as usize].newer)
    }

    /// Makes an entry that is not in the list its newest.
    #[inline(always)]
    pub(super) fn link(&mut self, slot: Slot, state: State) {
        let at = Self::at(slot);
        let newest = self.cells[SENTINEL as usize].older;
        self.cells[at as usize] = Cell {
            state,
            newer: SENTINEL,
            older: newest,
        };
        self.cells[newest as usize].newer = at;
        self.cells[SENTINEL as usize].older = at;
    }

    /// Takes an entry out of the list.
    #[inline(always)]
    pub(super) fn unlink(&mut self, slot: Slot) {
        let Cell { newer, older, .. } = self.cells[Self::at(slot) as usize];
        self.cells[newer as usize].older = older;
        self.cells[older as usize].newer = newer;
    }

    /// The LIR entries in the list, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> {
        let next = |slot: &Slot| Self::slot(self.cells[Self::at(*slot) as usize].newer);
        core::iter::successors(self.oldest(), next)
    }

    /// The slots that were ever taken, with their states.
    pub(super) fn states(&self) -> impl Iterator<Item = (Slot, State)> + Clone {
        let states = self.cells[1..].iter().map(|cell| cell.state);
        (0..).map(Slot::new).zip(states)
    }

    /// Changes the numbers in all states.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        for cell in &mut self.cells[1..] {
            cell.state = cell.state.renumbered(number(cell.state.number()));
        }
    }

    /// Asserts that the list is a circle; returns its length.
    pub(super) fn check(&self) -> usize {
        let mut len = 0;
        let mut at = SENTINEL;
        loop {
            let newer = self.cells[at as usize].newer;
            assert_eq!(
                self.cells[newer as usize].older, at,
                "a neighbour does not point back"
            );
            at = newer;
            if at == SENTINEL {
                return len;
            }
            len += 1;
            assert!(len < self.cells.len(), "the list runs into itself");
        }
    }
}
