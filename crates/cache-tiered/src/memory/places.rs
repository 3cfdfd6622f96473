//! Which slot of the policy stands for which slot of the arena.
//!
//! An update has a slot of its own in the arena, and the policy must not notice. So where an entry moves from one slot to
//! another, the two swap what stands for them. Until the first update each slot stands for itself, and there is no memory.

use cache_policies::Slot;

/// A permutation, the identity from the end of the columns on.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By slot of the arena.
    policy_of: Vec<u32>,
    /// By slot of the policy: the inverse.
    arena_of: Vec<u32>,
}

impl Places {
    /// What stands for a slot of the arena.
    #[inline(always)]
    pub(super) fn policy(&self, slot: u32) -> Slot {
        Slot::new(self.policy_of.get(slot as usize).copied().unwrap_or(slot))
    }

    /// What a slot of the policy stands for.
    #[inline(always)]
    pub(super) fn arena(&self, slot: Slot) -> u32 {
        self.arena_of
            .get(slot.index())
            .copied()
            .unwrap_or(slot.get())
    }

    /// Lets two slots of the arena swap what stands for them. O(1) amortised.
    pub(super) fn swap(&mut self, one: u32, other: u32) {
        let len = u32::try_from(self.policy_of.len()).expect("as many as slots at most");
        let needed = one.max(other) + 1;
        if len < needed {
            self.policy_of.extend(len..needed);
            self.arena_of.extend(len..needed);
        }
        let (first, second) = (self.policy(one), self.policy(other));
        self.policy_of.swap(one as usize, other as usize);
        self.arena_of.swap(first.index(), second.index());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_move_are_followed() {
        let mut places = Places::default();
        assert_eq!(
            (places.policy(7), places.arena(Slot::new(7))),
            (Slot::new(7), 7)
        );
        let (mut entries, mut state) = ([3_u32, 9, 4, 0], 1_u32);
        let slots = entries.map(Slot::new);
        for _ in 0..1000 {
            state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            let (entry, to) = ((state >> 16) as usize % 4, state >> 8 & 15);
            if !entries.contains(&to) {
                places.swap(entries[entry], to);
                entries[entry] = to;
            }
            for (entry, slot) in entries.iter().zip(slots) {
                assert_eq!((places.policy(*entry), places.arena(slot)), (slot, *entry));
            }
        }
    }
}
