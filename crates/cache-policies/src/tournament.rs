//! A kinetic tournament: which slot is the most worth evicting, as what each is worth changes with time.
//!
//! What a slot is worth, its weight times the time until its next request, falls along a line, the faster the heavier it
//! is. A complete binary tree over the slots has in each node the winner of the slots below, and how long it holds there
//! if nothing changes but the time: until the line of one child's winner crosses that of the other's, anywhere below.
//! ```text
//!                  winner 2, until 70
//!                 /                  \
//!     winner 2, until 90        winner 5, until 70
//!        /        \                /        \
//!     slot 1     slot 2         slot 4     slot 5
//! ```
//! As time goes on, only nodes that no longer hold are played again (J. Basch, L. J. Guibas, J. Hershberger, "Data
//! structures for mobile data", SODA 1997). Times are the positions of requests.

use alloc::vec::Vec;

use crate::ledger::grow;
use crate::list::Unlinked;
use crate::slot::Slot;

/// In place of a winner: there is no slot that could win.
const NONE: u32 = u32::MAX;
/// In place of a time: never.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Copy, Clone, Debug)]
struct Contender {
    /// When the next request comes, or `NEVER`.
    next: u64,
    weight: u32,
    /// Why the slot does not take part; `None` if it does.
    unlinked: Option<Unlinked>,
}

const _: () = assert!(size_of::<Contender>() == 16);

/// The tree, and the lines of the slots.
#[derive(Clone, Debug)]
pub(crate) struct Tournament {
    /// By slot.
    contenders: Vec<Contender>,
    /// A power of two.
    leaves: usize,
    /// By node: the root is 1, the children of n are 2n and 2n + 1, the leaf of a slot is `leaves` + slot.
    winners: Vec<u32>,
    /// By inner node: the first time at which another slot below may win.
    until: Vec<u64>,
    /// Never goes back.
    now: u64,
}

impl Tournament {
    pub(crate) fn new() -> Self {
        Tournament {
            contenders: Vec::new(),
            leaves: 1,
            winners: Vec::from([NONE; 2]),
            until: Vec::from([NEVER]),
            now: 0,
        }
    }

    /// Lets one unit of time go by.
    #[inline]
    pub(crate) fn tick(&mut self) {
        self.now += 1;
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// The slot that is worth the most to evict now. Of those without a next request that is the heaviest; they come
    /// before all others. Of equal ones it is the lowest slot.
    pub(crate) fn winner(&mut self) -> Option<Slot> {
        self.play_expired(1);
        let winner = self.winners[1];
        (winner != NONE).then(|| Slot::new(winner))
    }

    /// Makes a slot take part.
    ///
    /// # Panics
    /// If it is resident, or above [`Slot::MAX`].
    pub(crate) fn insert(&mut self, slot: Slot, weight: u32, next: u64) {
        let absent = Contender {
            next,
            weight,
            unlinked: Some(Unlinked::Absent),
        };
        if slot.index() >= self.contenders.len() {
            grow(&mut self.contenders, slot, || absent);
        }
        assert!(
            self.contenders[slot.index()].unlinked == Some(Unlinked::Absent),
            "slot {} is resident already",
            slot.get()
        );
        self.contenders[slot.index()] = Contender {
            unlinked: None,
            ..absent
        };
        if slot.index() < self.leaves {
            self.play_from(slot);
        } else {
            self.rebuild((slot.index() + 1).next_power_of_two());
        }
    }

    /// Changes when the next request of a slot comes.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn set_next(&mut self, slot: Slot, next: u64) {
        self.expect_resident(slot);
        self.contenders[slot.index()].next = next;
        self.play_from(slot);
    }

    /// Changes the weight of a slot.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn set_weight(&mut self, slot: Slot, weight: u32) {
        self.expect_resident(slot);
        self.contenders[slot.index()].weight = weight;
        self.play_from(slot);
    }

    /// Makes a slot absent, or pinned, or takes it in again.
    ///
    /// # Panics
    /// If it is not resident.
    pub(crate) fn set_unlinked(&mut self, slot: Slot, unlinked: Option<Unlinked>) {
        self.expect_resident(slot);
        self.contenders[slot.index()].unlinked = unlinked;
        self.play_from(slot);
    }

    /// Asserts that a slot is resident.
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    pub(crate) fn expect_resident(&self, slot: Slot) {
        let contender = self.contenders.get(slot.index());
        assert!(
            contender.is_some_and(|contender| contender.unlinked != Some(Unlinked::Absent)),
            "slot {} is not resident",
            slot.get()
        );
    }

    /// Plays all matches of a slot that has changed, up to where nothing comes of it.
    fn play_from(&mut self, slot: Slot) {
        let leaf = self.leaves + slot.index();
        self.winners[leaf] = self.entrant(slot.get());
        let mut node = leaf / 2;
        while node > 0 {
            let before = (self.winners[node], self.until[node]);
            self.play(node);
            let after = (self.winners[node], self.until[node]);
            if before == after && after.0 != slot.get() {
                break;
            }
            node /= 2;
        }
    }

    /// Plays the matches below a node, itself included, that no longer hold.
    fn play_expired(&mut self, node: usize) {
        if node < self.leaves && self.until[node] <= self.now {
            self.play_expired(2 * node);
            self.play_expired(2 * node + 1);
            self.play(node);
        }
    }

    fn rebuild(&mut self, leaves: usize) {
        self.leaves = leaves;
        self.until = Vec::from_iter(core::iter::repeat_n(NEVER, leaves));
        self.winners = Vec::from_iter(core::iter::repeat_n(NONE, 2 * leaves));
        for slot in 0..self.contenders.len().min(leaves) {
            self.winners[leaves + slot] = self.entrant(slot as u32);
        }
        for node in (1..leaves).rev() {
            self.play(node);
        }
    }

    fn entrant(&self, slot: u32) -> u32 {
        match self.contenders[slot as usize].unlinked {
            None => slot,
            Some(_) => NONE,
        }
    }

    /// Plays the match of a node, whose children's may have expired: then it has too.
    fn play(&mut self, node: usize) {
        let (left, right) = (2 * node, 2 * node + 1);
        let (winner, mut until) = self.outcome(self.winners[left], self.winners[right]);
        if left < self.leaves {
            until = until.min(self.until[left]).min(self.until[right]);
        }
        self.winners[node] = winner;
        self.until[node] = until;
    }

    /// Which of two slots wins, and the first time at which the other one does. `left` is the lower one.
    fn outcome(&self, left: u32, right: u32) -> (u32, u64) {
        if left == NONE || right == NONE {
            return (left.min(right), NEVER);
        }
        let (l, r) = (
            self.contenders[left as usize],
            self.contenders[right as usize],
        );
        if l.next == NEVER || r.next == NEVER {
            let rank = |contender: Contender| (contender.next == NEVER, contender.weight);
            let winner = if rank(l) >= rank(r) { left } else { right };
            return (winner, NEVER);
        }
        let worth = |contender: Contender| {
            i128::from(contender.weight) * (i128::from(contender.next) - i128::from(self.now))
        };
        let left_wins = worth(l) >= worth(r);
        let (winner, first, second) = if left_wins {
            (left, l, r)
        } else {
            (right, r, l)
        };
        if first.weight <= second.weight {
            return (winner, NEVER);
        }
        // The lead at time t is `at_0 - slope * t`. It is not negative now, so `at_0` is not either.
        let slope = u128::from(first.weight - second.weight);
        let at_0 = u128::from(first.weight) * u128::from(first.next)
            - u128::from(second.weight) * u128::from(second.next);
        let until = if left_wins {
            at_0 / slope + 1
        } else {
            at_0.div_ceil(slope)
        };
        (winner, u64::try_from(until).unwrap_or(NEVER))
    }

    /// The resident slots, in the order of their numbers.
    pub(crate) fn residents(&self) -> impl Iterator<Item = Slot> {
        let contenders = (0..).zip(&self.contenders);
        contenders
            .filter(|(_, contender)| contender.unlinked != Some(Unlinked::Absent))
            .map(|(number, _)| Slot::new(number))
    }

    /// The weight that a slot takes part with.
    pub(crate) fn weight(&self, slot: Slot) -> u32 {
        self.contenders[slot.index()].weight
    }

    /// Asserts that each node that still holds has the right winner.
    pub(crate) fn check(&self) {
        assert!(self.contenders.len() <= self.leaves, "a slot has no leaf");
        for slot in 0..self.contenders.len() {
            assert_eq!(
                self.winners[self.leaves + slot],
                self.entrant(slot as u32),
                "a leaf has not its slot"
            );
        }
        for node in 1..self.leaves {
            let (left, right) = (2 * node, 2 * node + 1);
            if self.until[node] > self.now {
                let (winner, until) = self.outcome(self.winners[left], self.winners[right]);
                assert_eq!(self.winners[node], winner, "the wrong slot has won");
                assert!(self.until[node] <= until, "an outcome holds too long");
            }
            assert!(
                left >= self.leaves || self.until[node] <= self.until[left].min(self.until[right]),
                "an outcome holds longer than one that it rests on"
            );
        }
    }
}
