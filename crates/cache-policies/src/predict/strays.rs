//! Strays: the last accesses that belong to no run, by position.

use core::cmp::Reverse;
use core::ops::Range;

use alloc::vec::Vec;

/// A position that was accessed, and belongs to no run.
#[derive(Clone, Copy, Debug)]
struct Stray {
    space: u64,
    position: u64,
    /// The clock when it was first accessed since it is kept.
    first: u64,
    /// The clock at its last access.
    last: u64,
}

const _: () = assert!(size_of::<Stray>() == 32);

/// A bounded number of strays, each position once, however often it is accessed. What has been kept for the longest time
/// makes room, so that a position that is accessed all the time does not seem to have come before all others.
///
/// They are sorted, so that what lies near a position lies together, and each is found by a binary search.
#[derive(Clone, Debug)]
pub(super) struct Strays {
    /// By space and position.
    kept: Vec<Stray>,
    bound: usize,
}

impl Strays {
    /// None, of at most `bound`. Allocates as they come.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            kept: Vec::new(),
            bound,
        }
    }

    /// Keeps an access. In proportion to the strays.
    pub(super) fn keep(&mut self, space: u64, position: u64, clock: u64) {
        let mut at = match self.find(space, position) {
            Ok(at) => {
                self.kept[at].last = clock;
                return;
            }
            Err(at) => at,
        };
        if self.kept.len() >= self.bound {
            let oldest = (0..self.kept.len()).min_by_key(|&at| self.kept[at].first);
            if let Some(oldest) = oldest {
                self.kept.remove(oldest);
                at -= usize::from(oldest < at);
            }
        }
        let stray = Stray {
            space,
            position,
            first: clock,
            last: clock,
        };
        self.kept.insert(at, stray);
    }

    /// Forgets those for which `keep` is false of space and position.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(u64, u64) -> bool) {
        self.kept.retain(|stray| keep(stray.space, stray.position));
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// The stride, of `reach` at most either way, of the run of `confirm` accesses that an access of `position` ends: the
    /// shortest if there are several, of two equally long that of the newer ones. `looked` is called for each stray that is
    /// looked at: up to `2 * reach`, and those that are before them at their distance.
    pub(super) fn stride_to(
        &self,
        space: u64,
        position: u64,
        (reach, confirm): (u32, u8),
        mut looked: impl FnMut(),
    ) -> Option<i64> {
        let mut best = None;
        for before in &self.kept[self.near(space, position, u64::from(reach))] {
            looked();
            let distance = before.position.abs_diff(position);
            let order = (distance, Reverse(before.last));
            if distance == 0 || best.is_some_and(|(best, _)| best < order) {
                continue;
            }
            let stride = position.wrapping_sub(before.position) as i64;
            if self.follow_each_other(before, stride, confirm, &mut looked) {
                best = Some((order, stride));
            }
        }
        best.map(|(_, stride)| stride)
    }

    /// Whether the accesses that a run of `confirm` needs before `newest` and the one after it have come, in their order.
    fn follow_each_other(
        &self,
        newest: &Stray,
        stride: i64,
        confirm: u8,
        mut looked: impl FnMut(),
    ) -> bool {
        let (mut position, mut clock) = (newest.position, newest.last);
        for _ in 2..confirm {
            looked();
            let Some(before) = position.checked_add_signed(-stride) else {
                return false;
            };
            let Ok(at) = self.find(newest.space, before) else {
                return false;
            };
            let Stray { first, last, .. } = self.kept[at];
            clock = match (first < clock, last < clock) {
                (_, true) => last,
                (true, false) => first,
                (false, false) => return false,
            };
            position = before;
        }
        true
    }

    /// Where a position is, or would be.
    fn find(&self, space: u64, position: u64) -> Result<usize, usize> {
        let place = |stray: &Stray| (stray.space, stray.position);
        self.kept.binary_search_by_key(&(space, position), place)
    }

    /// Where the strays are that lie no further from a position than `reach`.
    fn near(&self, space: u64, position: u64, reach: u64) -> Range<usize> {
        let start = self.find(space, position.saturating_sub(reach));
        let start = start.unwrap_or_else(|at| at);
        let end = self.find(space, position.saturating_add(reach));
        start..end.map_or_else(|at| at, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Strays;

    #[test]
    fn a_position_is_kept_once_however_often_it_is_accessed() {
        let mut strays = Strays::new(4000);
        for clock in 0..8000 {
            strays.keep(1, clock & 1, clock);
        }
        assert_eq!(strays.kept.len(), 2);
        let mut looks = 0;
        assert_eq!(strays.stride_to(1, 0, (16, 3), || looks += 1), None);
        assert_eq!(looks, 3, "the two, and what would be before the other");
    }

    #[test]
    fn a_look_for_a_run_does_not_depend_on_how_many_are_kept() {
        for kept in [128, 4000] {
            let (mut strays, mut state, mut most) = (Strays::new(kept), 1u64, 0);
            for clock in 0..20_000 {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let (mut looks, position) = (0, (state >> 33) % 6000);
                strays.stride_to(0, position, (16, 4), || looks += 1);
                strays.keep(0, position, clock);
                most = most.max(looks);
            }
            assert_eq!(strays.kept.len(), kept);
            assert!(most <= 3 * 33, "{most} looks with {kept} kept");
        }
    }

    #[test]
    fn accesses_count_in_the_order_in_which_they_came() {
        for (accesses, stride) in [
            (&[1, 2][..], Some(1)),
            (&[2, 1], None),
            (&[1, 2, 1], Some(1)),
            (&[2, 1, 2], Some(1)),
            (&[2, 1, 1], None),
            (&[5, 4], Some(-1)),
            (&[4, 5], None),
            (&[1, 2, 5, 4], Some(-1)),
            (&[5, 4, 1, 2], Some(1)),
        ] {
            let mut strays = Strays::new(8);
            for (clock, &position) in (1..).zip(accesses) {
                strays.keep(0, position, clock);
                strays.keep(1, 100 + position, clock);
            }
            let found = strays.stride_to(0, 3, (16, 3), || ());
            assert_eq!(found, stride, "{accesses:?}, then 3");
        }
    }

    #[test]
    fn what_was_kept_longest_makes_room() {
        let mut strays = Strays::new(3);
        for (clock, position) in (0..).zip([10, 20, 30, 10, 40]) {
            strays.keep(0, position, clock);
        }
        let kept: alloc::vec::Vec<u64> = strays.kept.iter().map(|stray| stray.position).collect();
        assert_eq!(kept, [20, 30, 40]);
        strays.retain(|_, position| position != 30);
        assert_eq!(strays.kept.len(), 2);
        Strays::new(0).keep(0, 1, 1);
    }
}
